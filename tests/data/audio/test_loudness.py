"""Loudness."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from weft.data import Random
from weft.data.audio.loudness import NormalizeLoudness, k_coefficients, limit_peaks, lufs, normalize_loudness, rms_level

LENGTHS = torch.tensor([400, 250, 400, 1, 400])
ATTEND = torch.arange(400) < LENGTHS[:, None]
X = torch.sin(torch.arange(400) * 0.3 + 1) * torch.tensor([0.5, 0.01, 0.0, 0.2, 1e-4])[:, None] * ATTEND


def called(transform, x=X, attend=ATTEND):
    return transform({"input": x, "attend": attend}, Random(0, 0, torch.arange(len(x))))["input"]


@pytest.mark.parametrize("target", [-30.0, -20.0])
def test_the_level_is_the_wanted_one_over_what_is_real(target):
    """Closed form: after NormalizeLoudness the RMS of a record is the target within 0.1 dB; silence stays silence, the gain has a bound."""
    out = called(NormalizeLoudness(target))
    for i in (0, 1, 3):
        assert abs(rms_level(out[i : i + 1, : LENGTHS[i]]) - target) < 0.1
    assert (out[2] == 0).all() and (out[~ATTEND] == 0).all() and out.isfinite().all()
    assert torch.allclose(out[4], X[4] * 100)  # 40 dB at most
    assert torch.equal(called(NormalizeLoudness(target), X[:, None])[:, 0], out)


@pytest.mark.parametrize("peaks", ["scale", "limit"])
def test_nothing_exceeds_the_ceiling(peaks):
    click = torch.randn(6, 4000) * 0.01
    click[:, 1000] = 1.0
    out = called(NormalizeLoudness(-10.0, ceiling=0.9, peaks=peaks), click, torch.ones(6, 4000, dtype=torch.bool))
    assert out.abs().amax() <= 0.9 + 1e-6
    levels = rms_level(out[:, None, 2000:])
    if peaks == "scale":
        assert torch.allclose(out, click * 0.9, atol=1e-5) and (levels < -35).all()  # one gain for the whole record
    else:
        assert (levels > -16).all()  # away from the click the gain is the full 25 dB


def test_the_limiter_leaves_quiet_parts_and_turns_channels_alike():
    """Property: limit_peaks never exceeds its ceiling, changes nothing away from peaks, and keeps the ratio of channels."""
    x = torch.randn(3, 2, 3000)
    out = limit_peaks(x, 0.8, window=20)
    assert out.abs().max() <= 0.8 and torch.allclose(out[:, 0] * x[:, 1], out[:, 1] * x[:, 0], atol=1e-5)
    lonely = torch.full((1, 500), 0.1)
    lonely[0, 250] = 4.0
    out = limit_peaks(lonely, 1.0, window=20)
    assert torch.equal(out[0, :200], lonely[0, :200]) and torch.equal(out[0, 300:], lonely[0, 300:]) and abs(out[0, 250] - 1) < 1e-6
    gain = (out / lonely)[0]
    assert gain.diff().abs().max() < 0.05  # smooth
    assert limit_peaks(torch.zeros(1, 0)).shape == (1, 0)


def test_the_filters_are_those_of_the_standard():
    """Closed form: at 48 kHz the coefficients are those printed in ITU-R BS.1770."""
    (b1, a1), (b2, a2) = k_coefficients(48000)
    assert np.allclose(b1, [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-8)
    assert np.allclose(a1, [1.0, -1.69065929318241, 0.73248077421585], atol=1e-8)
    assert np.allclose(b2, [1.0, -2.0, 1.0]) and np.allclose(a2, [1.0, -1.99004745483398, 0.99007225036621], atol=1e-8)


def test_a_full_scale_tone_has_the_loudness_of_the_standard():
    """Closed form: lufs of a sine of 997 Hz at full scale in one channel is -3.01, 20 dB less when it is ten times smaller, 3 dB more in two channels."""
    for rate in (16000, 44100, 48000):
        tone = torch.sin(2 * math.pi * 997 * torch.arange(3 * rate) / rate)[None]
        assert abs(lufs(tone, rate) + 3.01) < 0.05
        assert abs(lufs(tone * 0.1, rate) + 23.01) < 0.05
        assert abs(lufs(tone.expand(2, -1), rate) - 0.0) < 0.05
    silence = torch.cat([tone, torch.zeros(1, 10 * 48000)], 1)
    assert abs(lufs(silence, 48000) + 3.01) < 0.5  # the gates leave silence out
    assert lufs(torch.zeros(1, 48000), 48000) == -math.inf and lufs(tone[:, :100] * 0.1, 48000).isfinite()


def test_loudness_equals_pyloudnorm():
    """Parity: lufs and pyloudnorm (filters of De Man) agree within 0.01 LU on noise and music-like sounds, one and two channels."""
    pyloudnorm = pytest.importorskip("pyloudnorm")
    generator = np.random.default_rng(0)
    for rate in (16000, 44100):
        time = np.arange(5 * rate) / rate
        noise = generator.standard_normal((2, len(time))) * 0.1 * (np.sin(2 * np.pi * 0.3 * time) > -0.5)
        tones = np.stack([np.sin(2 * np.pi * f * time) * np.exp(-time) for f in (220, 3000)])
        for sound in (noise, tones, noise[:1] * 1e-2):
            theirs = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(sound.T)
            assert abs(lufs(torch.from_numpy(sound), rate).item() - theirs) < 0.01


def test_loudness_can_be_the_target():
    sound = torch.randn(2, 16000) * 0.01
    out = normalize_loudness(sound, NormalizeLoudness(-23.0, "lufs"))
    assert abs(lufs(out, 16000) + 23) < 0.1
    assert normalize_loudness(torch.zeros(1, 0)).shape == (1, 0)
    x = torch.randn(1, 50, requires_grad=True)
    normalize_loudness(x).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


def test_wrong_arguments_are_named():
    for wrong, words in (({"measure": "peak"}, "'rms' or 'lufs'"), ({"peaks": "clip"}, "'scale' or 'limit'"), ({"ceiling": 0.0}, "positive")):
        with pytest.raises(ValueError, match=words):
            NormalizeLoudness(**wrong)
    with pytest.raises(ValueError, match="6 channels"):
        lufs(torch.zeros(6, 100), 16000)
    with pytest.raises(ValueError, match="window=0"):
        limit_peaks(torch.zeros(1, 10), window=0)
