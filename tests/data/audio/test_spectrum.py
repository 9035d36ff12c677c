"""Short-time spectra."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from weft.data import Random
from weft.data.audio.spectrum import Stft, griffin_lim, istft, phase_vocoder, spectrogram, stft

FORMS = [Stft(), Stft(400, 160), Stft(512, 128, "hamming", 400), Stft(256, 64, "hann", None, False)]
X = torch.randn(2, 5000, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("form", FORMS)
def test_spectra_equal_librosa(form):
    """Parity: stft is librosa.stft within 1e-9 in float64."""
    librosa = pytest.importorskip("librosa")
    theirs = librosa.stft(X.numpy(), n_fft=form.n_fft, hop_length=form.hop, win_length=form.length, window=form.window, center=form.center)
    ours = stft(X, form).numpy()
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-9
    assert ours.shape[-1] == form.frames(X.shape[-1])
    assert np.allclose(spectrogram(X, form).numpy(), np.abs(theirs) ** 2) and np.allclose(spectrogram(X, form, power=1).numpy(), np.abs(theirs))


def test_one_bin_is_the_sum_written_out():
    """Brute force: stft is the windowed Fourier sum of its formula."""
    form = Stft(16, 4, center=False)
    ours = stft(X[0], form)
    n = torch.arange(16, dtype=torch.float64)
    for f, k in ((0, 0), (3, 7), (8, 2)):
        sums = (X[0, k * 4 : k * 4 + 16] * form.shape(X) * torch.polar(torch.ones(16).double(), -2 * math.pi * f * n / 16)).sum()
        assert abs(ours[f, k] - sums) < 1e-10


@pytest.mark.parametrize("form", FORMS[:3])
@pytest.mark.parametrize("samples", [1, 100, 4999, 5000])
def test_the_inverse_restores_every_sample(form, samples):
    x = X[:, :samples]
    back = istft(stft(x, form), form, samples)
    assert back.shape == x.shape and (back - x).abs().max() < 1e-9
    assert (istft(stft(x.float(), form), form, samples) - x.float()).abs().max() < 1e-5


def test_short_and_empty_signals():
    assert stft(torch.zeros(3)).shape == (257, 1)
    assert stft(torch.zeros(2, 3, 700)).shape == (2, 3, 257, 3)
    assert istft(stft(X)[:0], samples=5000).shape == (0, 5000)
    with pytest.raises(ValueError, match="3 samples is shorter than a frame of 512"):
        stft(torch.zeros(3), Stft(center=False))


def test_gradients_are_right_and_finite_at_silence():
    x = torch.randn(40, dtype=torch.float64, requires_grad=True)
    form = Stft(16, 8)
    for function in (lambda v: spectrogram(v, form), lambda v: spectrogram(v, form, power=1.0), lambda v: istft(stft(v, form) * 0.5, form, 40)):
        assert torch.autograd.gradcheck(function, (x,))
    silent = torch.zeros(40, requires_grad=True)
    spectrogram(silent, form, power=1.0).sum().backward()
    assert silent.grad is not None and silent.grad.isfinite().all()


def test_griffin_lim_equals_librosa_and_converges():
    """Parity: griffin_lim from zero phases is librosa.griffinlim(init=None); more iterations bring the spectrum closer."""
    librosa = pytest.importorskip("librosa")
    magnitude = spectrogram(X, power=1.0)
    theirs = librosa.griffinlim(magnitude.numpy(), n_iter=8, hop_length=256, init=None, length=5000)
    assert np.abs(griffin_lim(magnitude, iterations=8, samples=5000).numpy() - theirs).max() < 1e-6
    errors = [(spectrogram(griffin_lim(magnitude, iterations=n, momentum=0, samples=5000), power=1.0) - magnitude).norm() for n in (1, 8, 32)]
    assert errors[0] > errors[1] > errors[2]
    index = torch.arange(2)
    keyed = [griffin_lim(magnitude, iterations=2, random=Random(seed, 0, index)) for seed in (0, 0, 1)]
    assert torch.equal(keyed[0], keyed[1]) and not torch.equal(keyed[0], keyed[2])


@pytest.mark.parametrize("rate", [0.5, 0.8, 1.0, 1.3, 2.0])
def test_the_phase_vocoder_equals_librosa(rate):
    """Parity: phase_vocoder is librosa.phase_vocoder within 1e-6 in float64."""
    librosa = pytest.importorskip("librosa")
    spectrum = stft(X)
    theirs = librosa.phase_vocoder(spectrum.numpy(), rate=rate, hop_length=256)
    ours = phase_vocoder(spectrum, rate, 256).numpy()
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-6


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="skipped"):
        Stft(256, 300)
    with pytest.raises(ValueError, match="at most 256"):
        Stft(256, 64, length=300)
    with pytest.raises(ValueError, match="iterations=0"):
        griffin_lim(spectrogram(X), iterations=0)
    with pytest.raises(ValueError, match="rate=0"):
        phase_vocoder(stft(X), 0.0, 256)
