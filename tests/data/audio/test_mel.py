"""The mel scale."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from weft.data.audio import mel
from weft.data.audio.mel import dct_matrix, decibels, hz_to_mel, mel_filters, mel_spectrogram, mel_to_hz, mfcc
from weft.data.audio.spectrum import Stft

X = torch.randn(2, 8000, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_scales_and_filters_equal_librosa(scale):
    """Parity: hz_to_mel, mel_to_hz and mel_filters are librosa's, for both scales and norms."""
    librosa = pytest.importorskip("librosa")
    hz = torch.tensor([0.0, 50, 999, 1000, 1001, 8000], dtype=torch.float64)
    mels = hz_to_mel(hz, scale)
    assert np.allclose(mels.numpy(), librosa.hz_to_mel(hz.numpy(), htk=scale == "htk"))
    assert torch.allclose(mel_to_hz(mels, scale), hz, atol=1e-9)
    for area in (True, False):
        theirs = librosa.filters.mel(sr=16000, n_fft=512, n_mels=60, fmin=50, fmax=7600, htk=scale == "htk", norm="slaney" if area else None)
        assert np.abs(mel_filters(16000, 512, 60, low=50, high=7600, scale=scale, area=area).numpy() - theirs).max() < 1e-7


# filter 10 of torchaudio.functional.melscale_fbanks(257, 0, 8000, 40, 16000, norm, scale), torchaudio 2.11, computed once: its first bin and values
THEIRS = {
    ("htk", False): (20, [0.37435483932495117, 0.7552352547645569, 0.8719984292984009, 0.5138229727745056, 0.15564753115177155]),
    ("htk", True): (20, [0.004422528203576803, 0.008922147564589977, 0.010301556438207626, 0.006070167291909456, 0.0018387783784419298]),
    ("slaney", False): (24, [0.19435228407382965, 0.6191170811653137, 0.9561181664466858, 0.5313533544540405, 0.10658857971429825]),
    ("slaney", True): (24, [0.0026417281478643417, 0.008415332064032555, 0.012996010482311249, 0.007222406100481749, 0.0014488024171441793]),
}


@pytest.mark.parametrize(("scale", "area"), THEIRS)
def test_filters_equal_torchaudio(scale, area):
    """Parity: mel_filters are torchaudio's within 1e-5 (stored numbers), for both scales and norms."""
    first, values = THEIRS[scale, area]
    row = mel_filters(16000, 512, 40, scale=scale, area=area)[10]
    assert row.nonzero()[:, 0].tolist() == list(range(first, first + 5)) and np.allclose(row[first : first + 5], values, atol=1e-5)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_features_equal_librosa(scale):
    """Parity: mel_spectrogram, decibels and mfcc are librosa's within 1e-4 relative."""
    librosa = pytest.importorskip("librosa")
    options = {"sr": 16000, "n_fft": 512, "hop_length": 256, "n_mels": 80, "htk": scale == "htk"}
    for x in X:
        theirs = librosa.feature.melspectrogram(y=x.numpy(), **options)
        ours = mel_spectrogram(x, 16000, scale=scale)
        assert np.allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-6)
        db = librosa.power_to_db(theirs, top_db=60)
        assert np.abs(decibels(ours, top_db=60).numpy() - db).max() < 1e-3
        cepstra = librosa.feature.mfcc(S=librosa.power_to_db(theirs), n_mfcc=13)
        assert np.abs(mfcc(x, 16000, scale=scale).numpy() - cepstra).max() < 1e-2  # of values up to 500


def test_an_empty_filter_is_warned_of_and_the_default_has_none():
    mel._filters.cache_clear()  # it warns when a bank is made
    with pytest.warns(UserWarning, match="of 128 mel filters lie between the bins of n_fft=512"):
        mel_filters(16000, 512, 128, scale="htk")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (mel_filters(16000).amax(1) > 0).all()


def test_filters_are_made_once():
    assert mel_filters(16000, 400, 40) is mel_filters(16000, 400, 40, high=8000.0)


def test_decibels_by_hand_and_each_record_alone():
    """Closed form: a tenth of the power is 10 dB less, and the floor hangs on the record's own loudest value."""
    quiet = torch.tensor([[1e-4, 1e-20]])
    assert torch.allclose(decibels(quiet, floor=1e-10), torch.tensor([[-40.0, -100.0]]))
    assert torch.allclose(decibels(quiet, top_db=30), torch.tensor([[-40.0, -70.0]]))
    loud = torch.tensor([[1e4, 1.0]])
    assert torch.equal(decibels(torch.stack([quiet, loud]), top_db=30)[0], decibels(quiet, top_db=30))
    assert torch.allclose(decibels(loud, reference=1e4, top_db=None), torch.tensor([[0.0, -40.0]]))
    assert decibels(torch.zeros(0, 3, 4)).shape == (0, 3, 4)


def test_the_dct_is_scipys_and_gradients_flow():
    """Parity: dct_matrix is scipy.fft.dct(type=2, norm='ortho')."""
    fft = pytest.importorskip("scipy.fft")
    assert np.allclose(dct_matrix(5, 20).numpy(), fft.dct(np.eye(20), type=2, norm="ortho", axis=0)[:5], atol=1e-6)
    x = torch.randn(60, dtype=torch.float64, requires_grad=True)
    form = Stft(32, 16)
    assert torch.autograd.gradcheck(lambda v: mfcc(v, 8000, form, n_mfcc=3, n_mels=4, top_db=None), (x,))
    silent = torch.zeros(60, requires_grad=True)
    mfcc(silent, 8000, form, n_mfcc=3, n_mels=4).sum().backward()
    assert silent.grad is not None and silent.grad.isfinite().all()


def test_a_tone_lights_the_filter_of_its_frequency():
    """Closed form: the loudest band of a sine holds its frequency."""
    for hz in (300.0, 1000.0, 4000.0):
        x = torch.sin(2 * torch.pi * hz * torch.arange(16000) / 16000)
        band = int(mel_spectrogram(x, 16000, n_mels=40).mean(-1).argmax())
        edges = mel_to_hz(torch.linspace(0, float(hz_to_mel(torch.tensor(8000.0))), 42))
        assert edges[band] < hz < edges[band + 2]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="Did you mean 'slaney'"):
        mel_filters(16000, scale="slany")
    with pytest.raises(ValueError, match="low < high <= 8000"):
        mel_filters(16000, high=9000.0)
    with pytest.raises(ValueError, match="n_mfcc=90"):
        mfcc(X, 16000, n_mfcc=90)
    with pytest.raises(ValueError, match="positive numbers"):
        decibels(X[None], floor=0.0)
