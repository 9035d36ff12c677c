"""Waves disturbed at unchanged length."""

from __future__ import annotations

import math

import pytest
import torch

from weft.data import Random
from weft.data.audio.augment import BackgroundMix, NoiseAtSNR, RandomGain, Reverb, TimeShift

INDEX = torch.arange(200)
LENGTHS = torch.randint(100, 401, (200,), generator=torch.Generator().manual_seed(1))
ATTEND = torch.arange(400) < LENGTHS[:, None]
X = torch.sin(torch.arange(400) * 0.3).expand(200, 400) * ATTEND * torch.linspace(0.01, 1, 200)[:, None]


def called(transform, x=X, attend=ATTEND, epoch=0):
    batch = {"input": x} if attend is None else {"input": x, "attend": attend}
    return transform(batch, Random(0, epoch, INDEX[: len(x)]))["input"]


def power(x, attend=ATTEND):
    return (x**2 * attend).sum(-1) / attend.sum(-1)


ALL = [NoiseAtSNR(), BackgroundMix([torch.rand(77)]), RandomGain(), TimeShift(sample_rate=1000), Reverb(sample_rate=1000)]


@pytest.mark.parametrize("transform", ALL, ids=lambda transform: type(transform).__name__)
def test_length_padding_channels_and_gradients(transform):
    """Property: NoiseAtSNR, BackgroundMix, RandomGain, TimeShift and Reverb keep shape and padding, change what is real, treat channels alike, and have gradients."""
    out = called(transform)
    assert out.shape == X.shape and (out[~ATTEND] == 0).all() and not torch.equal(out, X)
    assert torch.equal(out, called(transform)) and not torch.equal(out, called(transform, epoch=1))
    stereo = called(transform, X[:, None].expand(-1, 2, -1).contiguous())
    assert stereo.shape == (200, 2, 400)
    if not isinstance(transform, NoiseAtSNR):  # whose channels have noise of their own
        assert torch.allclose(stereo[:, 0], out, atol=1e-5) and torch.equal(stereo[:, 0], stereo[:, 1])
    x = X[:4].clone().requires_grad_()
    called(transform, x, ATTEND[:4]).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().sum() > 0
    silent = torch.zeros(3, 50, requires_grad=True)
    out = called(transform, silent, None)
    out.sum().backward()
    assert (out == 0).all() and silent.grad.isfinite().all()
    assert called(transform, torch.zeros(2, 0), None).shape == (2, 0)


def test_noise_and_background_lie_at_the_stated_ratio():
    """Closed form: 10 log10 of signal power over the power of what NoiseAtSNR or BackgroundMix adds is the drawn number, for every record."""
    for transform in (NoiseAtSNR((7, 7)), BackgroundMix([torch.rand(13), torch.randn(2, 900)], (7, 7))):
        ratio = 10 * torch.log10(power(X) / power(called(transform) - X))
        assert (ratio - 7).abs().max() < 0.01
    spread = 10 * torch.log10(power(X) / power(called(NoiseAtSNR((0, 20))) - X))
    assert spread.min() < 2 and spread.max() > 18 and (spread > -0.01).all() and (spread < 20.01).all()


def test_background_comes_from_anywhere_in_any_sound_and_only_as_often_as_said():
    sounds = [torch.arange(1.0, 6), torch.arange(101.0, 106)]
    added = called(BackgroundMix(sounds, (0, 0), probability=0.5), torch.ones(200, 5), None) - 1
    some = added.abs().sum(1) > 0
    assert 70 < some.sum() < 130
    order = {tuple(row.argsort().tolist()) for row in added[some]}
    assert len(order) == 5  # each of the five places to begin
    ratio = added[some].amax(1) / added[some].amin(1)
    assert (ratio > 4.9).any() and (ratio < 1.1).any()


def test_gain_is_even_between_its_bounds_and_stops_at_the_ceiling():
    """Closed form: RandomGain multiplies by 10^(dB / 20)."""
    decibels = 20 * torch.log10(called(RandomGain((-6, 12)))[:, 1] / X[:, 1])
    assert decibels.min() > -6.01 and decibels.max() < 12.01 and abs(decibels.mean() - 3) < 1
    limited = called(RandomGain((20, 20), ceiling=0.5))
    assert limited.abs().max() <= 0.5 + 1e-6
    quiet = X.abs().amax(1) < 0.05
    assert torch.allclose(limited[quiet], X[quiet] * 10)


def test_a_shift_never_changes_the_length_even_beyond_the_clip():
    """Property: TimeShift moves within the record; what enters is silence, what leaves is gone, a shift beyond the clip leaves silence."""
    ramp = torch.arange(1.0, 11).expand(200, 10)
    out = called(TimeShift(0.3, sample_rate=10), ramp, None)
    moved = {}
    for row in out:
        first = next(i for i, v in enumerate(row.tolist()) if v)
        shift = first - int(row[first]) + 1
        moved[shift] = moved.get(shift, 0) + 1
        expected = torch.tensor([float(t - shift + 1) if 0 <= t - shift < 10 else 0.0 for t in range(10)])
        assert torch.equal(row, expected)
    assert sorted(moved) == [-3, -2, -1, 0, 1, 2, 3]
    far = called(TimeShift(100.0, sample_rate=10), ramp, None)
    assert far.shape == ramp.shape and (far.sum(1) == 0).float().mean() > 0.9
    wrapped = called(TimeShift(100.0, sample_rate=10, wrap=True), ramp, None)
    assert torch.equal(wrapped.sort(1)[0], ramp) and not torch.equal(wrapped, ramp)


def test_a_shift_stays_within_the_record():
    ramp = torch.arange(1.0, 11).expand(200, 10) * (torch.arange(10) < 6)
    attend = (torch.arange(10) < 6).expand(200, 10)
    out = called(TimeShift(0.2, sample_rate=10), ramp, attend)
    assert (out[:, 6:] == 0).all() and {tuple(row.tolist()) for row in out} >= {(0, 0, 1, 2, 3, 4, 0, 0, 0, 0), (3, 4, 5, 6, 0, 0, 0, 0, 0, 0)}
    wrapped = called(TimeShift(0.2, sample_rate=10, wrap=True), ramp, attend)
    assert (5, 6, 1, 2, 3, 4, 0, 0, 0, 0) in {tuple(row.tolist()) for row in wrapped}


def test_reverberation_dies_away_as_said():
    """Closed form: behind a click Reverb's energy falls by 60 dB in rt60, and lies ``direct`` dB under the click."""
    click = torch.zeros(100, 4000)
    click[:, 0] = 1.0
    out = Reverb((0.5, 0.5), (6.0, 6.0), sample_rate=4000)({"input": click}, Random(0, 0, torch.arange(100)))["input"]
    tail = out[:, 1:] / out[:, :1]
    assert (10 * tail.pow(2).sum(1).log10() + 6).abs().max() < 0.01  # the whole tail lies within the clip
    early, late = tail[:, :400].pow(2).mean(), tail[:, 800:1200].pow(2).mean()
    assert abs(10 * torch.log10(late / early) + 60 * 0.2 / 0.5) < 1
    assert torch.allclose(out.pow(2).sum(1), click.pow(2).sum(1), atol=1e-4)


def test_a_measured_room_is_convolved_with():
    """Brute force: with one response Reverb is the convolution with it, at the old level."""
    x = torch.randn(2, 50)
    response = torch.tensor([0.5, 0.0, -0.3])
    out = called(Reverb(responses=[response]), x, None)
    for row, y in zip(x, out):
        wet = torch.tensor([sum(response[k] * row[t - k] for k in range(3) if t >= k) for t in range(50)])
        assert torch.allclose(y, wet * (row.norm() / wet.norm()), atol=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NoiseAtSNR((5, 1)), "the lower first"),
        (lambda: BackgroundMix([]), "0 sounds"),
        (lambda: BackgroundMix([torch.zeros(0)]), "with samples"),
        (lambda: BackgroundMix([torch.ones(2)], probability=2.0), "from 0 to 1"),
        (lambda: RandomGain(ceiling=0.0), "positive"),
        (lambda: TimeShift(-1.0), "from 0 on"),
        (lambda: Reverb((0.0, 1.0)), "positive"),
        (lambda: Reverb(responses=[torch.zeros(4)]), "not silent"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_what_is_no_wave_is_named():
    for x in (torch.zeros(2, 3, 4, 5), torch.zeros(2, 3, dtype=torch.int64)):
        with pytest.raises(ValueError, match="works on waves"):
            called(RandomGain(), x, None)
    with pytest.raises(ValueError, match=r"attend has shape \(2, 4\); expected \(2, 3\)"):
        called(RandomGain(), torch.zeros(2, 3), torch.ones(2, 4, dtype=torch.bool))
    assert math.isclose(float(power(torch.ones(1, 400), ATTEND[:1])), 1.0)
