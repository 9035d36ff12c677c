"""Resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from weft.data.audio.resample import _filters, resample

RATES = [(44100, 16000), (16000, 8000), (8000, 16000), (48000, 44100)]


def tone(share: float, rate: int, of: int, length: int) -> torch.Tensor:
    """A sine at a share of half of the rate ``of``."""
    return torch.sin(math.pi * share * of / rate * torch.arange(length, dtype=torch.float64) + 0.3)


@pytest.mark.parametrize(("old", "new"), RATES)
def test_a_tone_keeps_frequency_phase_and_size(old, new):
    """Closed form: resample gives the same sine at the new rate within 1e-4, up to 0.85 of half the lower rate; above, it is gone."""
    middle = slice(new // 20, -new // 20)
    for share in (0.05, 0.5, 0.85):
        y = resample(tone(share, old, min(old, new), old // 2), old, new)
        assert y.shape == (math.ceil(old // 2 * new / old),)
        assert (y - tone(share, new, min(old, new), len(y)))[middle].abs().max() < 1e-4
    if old > new * 1.2:
        assert resample(tone(1.1, old, new, old // 2), old, new)[middle].abs().max() < 1e-4


def test_equals_scipy_on_a_band_limited_signal():
    """Parity: resample and scipy.signal.resample_poly agree within 1e-3 on noise below 2.5 kHz, away from the ends."""
    signal = pytest.importorskip("scipy.signal")
    noise = np.random.default_rng(0).standard_normal(16000)
    x = np.ascontiguousarray(signal.sosfiltfilt(signal.butter(8, 2500, fs=16000, output="sos"), noise))
    for new in (8000, 24000, 12000):
        divisor = math.gcd(16000, new)
        ours = resample(torch.from_numpy(x), 16000, new).numpy()
        theirs = signal.resample_poly(x, new // divisor, 16000 // divisor, window=("kaiser", 14.0))
        assert np.abs(ours - theirs)[500:-500].max() < 1e-3


def test_equals_the_sum_written_out():
    """Brute force: every sample is the windowed-sinc sum of its formula."""
    x = torch.randn(40, dtype=torch.float64)
    for old, new in ((3, 2), (2, 3)):
        ours = resample(x, old, new, zeros=4, rolloff=0.9, beta=None)
        cut = 0.9 * min(old, new) / 2
        for s in range(len(ours)):
            total = 0.0
            for t in range(40):
                u = 2 * cut * (s / new - t / old)
                if abs(u) < 4:
                    total += float(x[t]) * 2 * cut / old * float(np.sinc(u)) * math.cos(math.pi * u / 8) ** 2
            assert abs(total - ours[s].item()) < 1e-9


# torchaudio.functional.resample(y, 3, 2) of torchaudio 2.11, computed once, of the signal in the test below: first and last eight numbers
THEIRS = [0.4438514964379066, 0.4219669999808082, 0.2770650536485343, 1.0979195108100681, 1.447257248135699, 0.5850609588411878, -0.01676600753076071, 0.2544049740619486]
THEIRS += [-0.912722593420635, -0.490968594334214, -0.9295501700091979, -1.2677456656268984, -0.298995223916439, 0.43167793037945773]


def test_equals_torchaudio_with_its_parameters():
    """Parity: with zeros=6, rolloff=0.99 and a Hann window, resample is torchaudio's within 1e-6 (stored numbers)."""
    t = torch.arange(64, dtype=torch.float64)
    ours = resample(torch.sin(0.3 * t) + 0.5 * torch.cos(1.1 * t), 3, 2, zeros=6, rolloff=0.99, beta=None).tolist()
    assert np.allclose(ours[:8] + ours[-6:], THEIRS, atol=1e-6)


def test_shapes_gradients_and_cache():
    x = torch.randn(2, 3, 50, dtype=torch.float64, requires_grad=True)
    assert resample(x, 5, 4).shape == (2, 3, 40)
    assert torch.autograd.gradcheck(lambda v: resample(v, 5, 4, zeros=3), (torch.randn(12, dtype=torch.float64, requires_grad=True),))
    before = _filters.cache_info().hits
    resample(x, 50, 40)
    assert _filters.cache_info().hits == before + 1  # 50 to 40 is 5 to 4
    assert resample(x, 8000, 8000) is x
    assert resample(torch.zeros(0), 5, 4).shape == (0,) and resample(torch.zeros(0, 10), 5, 4).shape == (0, 8)
    assert resample(torch.ones(1), 2, 1).shape == (1,)


def test_a_record_does_not_see_its_neighbours():
    x = torch.randn(3, 200)
    assert torch.allclose(resample(x, 3, 2)[1], resample(x[1], 3, 2), atol=1e-6)


def test_wrong_arguments_are_named():
    for rates in ((0, 8000), (8000, -1)):
        with pytest.raises(ValueError, match="positive numbers"):
            resample(torch.zeros(8), *rates)
    with pytest.raises(ValueError, match="simpler ratio"):
        resample(torch.zeros(8), 999_999, 1_000_000)
