"""Time and pitch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import Loader, Random
from weft.data.audio import AudioCodec
from weft.data.audio.augment import NoiseAtSNR, RandomGain
from weft.data.audio.spectrum import Stft
from weft.data.audio.warp import ChangeSpeed, OnWaveform, PitchShift, TimeStretch, pitch_shift, time_stretch

RATE = 16000
ONE = torch.tensor([0])


def tone(hz, seconds=1.0):
    return torch.sin(2 * torch.pi * hz * torch.arange(int(seconds * RATE)) / RATE)


def frequency(x):
    """The loudest frequency of the middle of a sound, by a padded and interpolated FFT."""
    middle = x[len(x) // 4 : -len(x) // 4]
    spectrum = torch.fft.rfft(middle * torch.hann_window(len(middle)), 8 * len(middle)).abs()
    return float(spectrum.argmax()) * RATE / (8 * len(middle))


@pytest.mark.parametrize("steps", [-12.0, -5.0, -0.5, 0.3, 2.0, 7.0, 12.0])
def test_pitch_moves_by_semitones_and_length_stays(steps):
    """Closed form: the dominant frequency after pitch_shift is 2^(steps / 12) times the old one, within 1 %."""
    for hz in (220.0, 700.0):
        out = pitch_shift(tone(hz), steps)
        assert out.shape == (RATE,)
        assert abs(frequency(out) / (hz * 2 ** (steps / 12)) - 1) < 0.01
        assert 0.5 < out[4000:12000].pow(2).mean().sqrt() / tone(hz).pow(2).mean().sqrt() < 1.2


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.25, 2.0])
def test_stretching_keeps_pitch_and_divides_length(rate):
    """Closed form: time_stretch gives round(T / rate) samples with the dominant frequency unchanged within 1 %; parity with librosa."""
    out = time_stretch(tone(440.0), rate)
    assert out.shape == (round(RATE / rate),) and abs(frequency(out) / 440 - 1) < 0.01
    librosa = pytest.importorskip("librosa")
    x = tone(440.0).double()
    theirs = librosa.effects.time_stretch(x.numpy(), rate=rate, n_fft=1024, hop_length=256)
    assert np.abs(time_stretch(x, rate, Stft(1024, 256)).numpy() - theirs).max() < 1e-6


def test_nothing_to_do_is_the_identity_and_gradients_are_finite():
    x = tone(300.0, 0.1)
    assert time_stretch(x, 1.0) is x and pitch_shift(x, 0.0) is x
    for x in (torch.randn(2, 700, requires_grad=True), torch.zeros(2, 700, requires_grad=True)):
        (time_stretch(x, 1.3).sum() + pitch_shift(x, 2.0).sum()).backward()
        assert x.grad is not None and x.grad.isfinite().all()
    assert pitch_shift(torch.randn(3), 2.0).shape == (3,) and time_stretch(torch.randn(1), 2.0).shape == (1,)


def test_each_record_of_a_batch_has_its_own_pitch():
    """Property: PitchShift draws a shift for each record, keeps length and padding, and equals pitch_shift of the record alone."""
    lengths = torch.tensor([RATE, 8000, 0, RATE])
    attend = torch.arange(RATE) < lengths[:, None]
    x = tone(440.0).expand(4, -1) * attend
    out = PitchShift((-4.0, 4.0))({"input": x, "attend": attend}, Random(0, 0, torch.arange(4)))["input"]
    assert out.shape == x.shape and (out[~attend] == 0).all()
    first, last = frequency(out[0]), frequency(out[3])
    assert abs(first - last) > 5 and all(440 * 2 ** (-4 / 12) * 0.99 < f < 440 * 2 ** (4 / 12) * 1.01 for f in (first, last))
    steps = -4.0 + 8.0 * Random(0, 0, torch.arange(4)).uniform()[1].item()
    assert torch.allclose(out[1, :8000], pitch_shift(x[1, :8000], steps), atol=1e-4)


def test_raw_transforms_change_length_before_the_codec():
    """Closed form: TimeStretch and ChangeSpeed divide the length by the drawn factor; only ChangeSpeed moves the pitch."""
    record = {"audio": tone(400.0), "sample_rate": RATE, "label": "a"}
    slow = TimeStretch((0.5, 0.5))(record, Random(0, 0, ONE))
    fast = ChangeSpeed((1.25,))(record, Random(0, 0, ONE))
    assert slow["audio"].shape == (1, 2 * RATE) and abs(frequency(slow["audio"][0]) / 400 - 1) < 0.01 and slow["label"] == "a"
    assert fast["audio"].shape == (1, 12800) and abs(frequency(fast["audio"][0]) / 500 - 1) < 0.01 and fast["sample_rate"] == RATE
    assert record["audio"].shape == (RATE,)
    lengths = {TimeStretch()(record, Random(0, epoch, ONE))["audio"].shape[-1] for epoch in range(30)}
    assert len(lengths) == 30 and min(lengths) > RATE / 1.26 and max(lengths) < RATE / 0.79
    assert {ChangeSpeed()(record, Random(0, e, ONE))["audio"].shape[-1] for e in range(30)} == {14546, 16000, 17778}


def test_waves_are_disturbed_under_a_codec_of_features():
    """Contract: OnWaveform lets batch transforms change a raw record, the same for the same key, at the wanted rate."""
    record = {"audio": tone(400.0), "sample_rate": RATE, "label": "a"}
    chain = OnWaveform([NoiseAtSNR((10, 10)), RandomGain((6, 6))], sample_rate=8000)
    out = chain(record, Random(0, 0, ONE))
    assert out["audio"].shape == (1, 8000) and out["sample_rate"] == 8000
    assert torch.equal(out["audio"], chain(record, Random(0, 0, ONE))["audio"]) and not torch.equal(out["audio"], chain(record, Random(0, 1, ONE))["audio"])
    codec = AudioCodec(sample_rate=8000, num_features=20)
    plain, noisy = codec.encode(record)["input"], codec.encode(out)["input"]
    assert plain.shape == noisy.shape and (noisy.mean() - plain.mean()) > 1


def test_raw_transforms_run_in_a_loader_for_any_number_of_workers():
    sounds = [{"audio": tone(200.0 * (i + 1), 0.1), "sample_rate": RATE, "label": "ab"[i % 2]} for i in range(6)]
    codec = AudioCodec(num_features=20).fit(sounds)
    transforms = [ChangeSpeed(), OnWaveform([NoiseAtSNR()])]
    alone, helped = ([b["input"] for b in Loader(sounds, codec, 3, transforms=transforms, workers=w)] for w in (0, 1))
    assert all(torch.equal(a, b) for a, b in zip(alone, helped, strict=True)) and len(alone) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: time_stretch(torch.zeros(9), 0.0), "0.01 to 100"),
        (lambda: pitch_shift(torch.zeros(9), 99.0), "five octaves"),
        (lambda: TimeStretch((0.0, 1.0)), "0.01 to 100"),
        (lambda: PitchShift((3.0, 1.0)), "the lower first"),
        (lambda: ChangeSpeed(()), "0.1 to 10"),
        (lambda: OnWaveform([]), "one or more"),
        (lambda: OnWaveform([TimeStretch()]), "of raw records to the loader"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
