"""Pitch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from weft.data.audio.pitch import _difference, autocorrelation_pitch, constant_q, yin

RATE = 16000
TIME = torch.arange(RATE, dtype=torch.float64) / RATE


def voice(hz):
    """A sum of harmonics, as a voice has."""
    return sum(torch.sin(2 * math.pi * hz * k * TIME + k) / k for k in range(1, 6))


@pytest.mark.parametrize("hz", [82.4, 110.0, 220.0, 441.7, 987.0])
def test_the_pitch_of_a_tone_is_found(hz):
    """Closed form: yin and autocorrelation_pitch give the frequency of sines and of voices within 1 %, in every frame and batch place."""
    for sound in (torch.sin(2 * math.pi * hz * TIME), voice(hz)):
        assert (yin(sound, RATE) / hz - 1).abs().max() < 0.01
        found, height = autocorrelation_pitch(sound, RATE)
        assert (found / hz - 1).abs().max() < 0.01 and height.min() > 0.95
        both = yin(torch.stack([sound, voice(300.0)]).float(), RATE)
        assert both.shape == (2, 32) and (both[0] / hz - 1).abs().max() < 0.01 and (both[1] / 300 - 1).abs().max() < 0.01


def test_a_glide_is_followed_as_by_librosa():
    """Parity: yin agrees with librosa.yin within 1 % on a steady voice, and is nearer to the truth on a glide."""
    librosa = pytest.importorskip("librosa")
    options = {"fmin": 65, "fmax": 2093, "sr": RATE, "frame_length": 2048, "hop_length": 512}
    steady = librosa.yin(voice(200.0).numpy(), **options)
    assert np.abs(yin(voice(200.0), RATE).numpy() / steady - 1)[2:-2].max() < 0.01
    glide = torch.sin(2 * math.pi * (150 + 50 * TIME) * TIME)
    truth = 150 + 100 * torch.arange(32) * 512 / RATE
    ours = (yin(glide, RATE) / truth - 1).abs()[2:-2].max()
    assert ours < 0.02 and ours < np.abs(librosa.yin(glide.numpy(), **options) / truth.numpy() - 1)[2:-2].max() + 1e-3


def test_the_difference_is_the_sum_written_out():
    """Brute force: d(tau) = sum_j (x_j - x_(j + tau))^2 over half a frame."""
    frames = torch.randn(3, 60, dtype=torch.float64)
    ours = _difference(frames, 30, 25)
    for tau in (0, 1, 7, 25):
        theirs = (frames[:, :30] - frames[:, tau : tau + 30]).square().sum(1)
        assert torch.allclose(ours[:, tau], theirs, atol=1e-9)


def test_noise_has_no_pitch_and_silence_no_error():
    assert autocorrelation_pitch(torch.randn(RATE), RATE)[1].max() < 0.5
    assert yin(torch.zeros(4000), RATE).isfinite().all() and autocorrelation_pitch(torch.zeros(4000), RATE)[1].abs().max() < 0.1
    assert yin(torch.randn(100), RATE).shape == (1,)


def test_notes_equal_librosa():
    """Parity: constant_q has librosa.cqt's magnitudes within 1 % of the largest, away from the ends."""
    librosa = pytest.importorskip("librosa")
    sound = torch.sin(2 * math.pi * 440 * TIME) + 0.5 * torch.sin(2 * math.pi * 130.81 * TIME) + 0.05 * torch.randn(RATE, dtype=torch.float64)
    theirs = np.abs(librosa.cqt(sound.numpy(), sr=RATE, n_bins=72))
    ours = constant_q(sound, RATE, bins=72).abs().numpy()
    assert ours.shape == theirs.shape and np.abs(ours - theirs)[:, 8:-8].max() < 0.01 * theirs.max()


def test_each_note_is_seen_in_its_bin():
    """Closed form: a sine at note k of constant_q is loudest in bin k; batches and gradients pass."""
    for k in (0, 13, 30):
        tone = torch.sin(2 * math.pi * 110 * 2 ** (k / 12) * TIME).float()
        assert (constant_q(tone, RATE, low=110.0, bins=36).abs()[:, 8:-8].argmax(0) == k).all()
    x = torch.randn(2, 3000, requires_grad=True)
    constant_q(x, RATE, low=440.0, bins=12).abs().square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="take length=2136"):
        yin(torch.zeros(5000), RATE, low=30.0, length=1024)
    with pytest.raises(ValueError, match="0 < low < high"):
        yin(torch.zeros(5000), RATE, high=9000.0)
    with pytest.raises(ValueError, match="expected less than half"):
        constant_q(torch.zeros(5000), 8000, bins=90)
