"""Features frame by frame."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from weft.data.audio.features import (
    chroma,
    cmvn,
    delta_features,
    frame_level,
    onset_strength,
    spectral_bandwidth,
    spectral_centroid,
    spectral_rolloff,
    tempo,
    tempogram,
    zero_crossing_rate,
)  # fmt: skip
from weft.data.audio.spectrum import Stft, spectrogram

RATE, FORM = 16000, Stft(2048, 512)
TIME = np.arange(4 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(len(TIME))
SOUND = 0.5 * np.sin(2 * np.pi * 440 * TIME) * (np.sin(2 * np.pi * 2 * TIME) > 0) + 0.05 * NOISE
X = torch.from_numpy(SOUND)


def close(ours, theirs, tolerance):
    ours = ours.numpy()
    return ours.shape == theirs.shape and np.abs(ours - theirs).max() < tolerance


def test_features_equal_librosa():
    """Parity: level, crossings, centroid, bandwidth and roll-off are librosa's within 1e-6 (float64)."""
    feature = pytest.importorskip("librosa").feature
    magnitude = spectrogram(X, FORM, power=1.0)
    frame = {"frame_length": 2048, "hop_length": 512}
    assert close(frame_level(X, 2048, 512), feature.rms(y=SOUND, **frame), 1e-6)
    assert close(zero_crossing_rate(X, 2048, 512), feature.zero_crossing_rate(SOUND, **frame), 1e-12)
    shape = {"S": magnitude.numpy(), "sr": RATE}
    assert close(spectral_centroid(magnitude, RATE), feature.spectral_centroid(**shape), 1e-6)
    assert close(spectral_bandwidth(magnitude, RATE), feature.spectral_bandwidth(**shape), 1e-6)
    for share in (0.5, 0.85, 0.99):
        assert close(spectral_rolloff(magnitude, RATE, share), feature.spectral_rolloff(roll_percent=share, **shape), 1e-6)


def test_change_equals_librosa():
    """Parity: delta_features are librosa.feature.delta, edges included."""
    feature = pytest.importorskip("librosa").feature
    x = torch.randn(2, 3, 40, dtype=torch.float64)
    for width, order in ((9, 1), (9, 2), (3, 1), (5, 3)):
        assert close(delta_features(x, width, order), feature.delta(x.numpy(), width=width, order=order), 1e-9)


def test_pitch_classes_and_rhythm_equal_librosa():
    """Parity: chroma, onset_strength, tempogram and tempo are librosa's within 1e-5."""
    librosa = pytest.importorskip("librosa")
    power = spectrogram(X, FORM)
    assert close(chroma(power, RATE), librosa.feature.chroma_stft(S=power.numpy(), sr=RATE, tuning=0), 1e-5)
    onsets = librosa.onset.onset_strength(y=SOUND, sr=RATE)
    assert close(onset_strength(X, RATE), onsets, 1e-5)
    assert close(tempogram(torch.from_numpy(onsets)), librosa.feature.tempogram(onset_envelope=onsets, sr=RATE), 1e-9)
    assert close(tempo(torch.from_numpy(onsets), RATE)[None], librosa.feature.tempo(onset_envelope=onsets, sr=RATE), 1e-9)


def test_beats_are_counted():
    """Closed form: clicks every 0.48 s are 125 beats a minute, every 0.64 s 93.75."""
    for seconds in (0.48, 0.64):
        clicks = torch.randn(8 * RATE) * 1e-3
        for beat in range(int(8 / seconds) - 1):
            clicks[int(beat * seconds * RATE) + 200 :][:100] += 1.0
        assert abs(tempo(onset_strength(clicks, RATE), RATE) - 60 / seconds) / (60 / seconds) < 0.05


@pytest.mark.parametrize("hz", [440.0, 220.0, 261.63])
def test_a_tone_is_of_its_pitch_class_and_frequency(hz):
    """Closed form: a sine's centroid is its frequency, and its chroma its note."""
    tone = torch.sin(2 * math.pi * hz * torch.arange(RATE, dtype=torch.float64) / RATE)
    magnitude = spectrogram(tone, FORM, power=1.0)[:, 8:-8]
    assert (spectral_centroid(magnitude, RATE) / hz - 1).abs().max() < 0.02 and spectral_bandwidth(magnitude, RATE).max() < 60
    note = round(12 * math.log2(hz / 440)) + 9
    assert (chroma(magnitude**2, RATE).argmax(0) == note % 12).all()
    crossings = zero_crossing_rate(tone, 2048, 512)[0, 4:-4] * RATE / 2
    assert (crossings / hz - 1).abs().max() < 0.03


def test_normalisation_counts_real_frames_only():
    """Closed form: cmvn gives mean 0 and deviation 1 over the frames that are kept, 0 elsewhere."""
    x = torch.randn(3, 5, 20) * 4 + 7
    keep = torch.arange(20) < torch.tensor([20, 8, 1])[:, None]
    out = cmvn(x, keep)
    assert (out[1, :, :8].mean(1).abs() < 1e-5).all() and ((out[1, :, :8].std(1, correction=0) - 1).abs() < 1e-4).all()
    assert (out.transpose(1, 2)[~keep] == 0).all() and (out[2] == 0).all()
    assert torch.allclose(cmvn(x[1:2, :, :8])[0], out[1, :, :8], atol=1e-5)
    assert torch.allclose(cmvn(x, variance=False).std(2), x.std(2))


def test_silence_and_gradients():
    silent = torch.zeros(3000, requires_grad=True)
    magnitude = spectrogram(silent, FORM, power=1.0)
    values = [
        frame_level(silent), spectral_centroid(magnitude, RATE), spectral_bandwidth(magnitude, RATE), spectral_rolloff(magnitude, RATE),
        chroma(magnitude, RATE), onset_strength(silent, RATE, n_mels=40), zero_crossing_rate(silent),
    ]  # fmt: skip
    assert all(value.isfinite().all() for value in values) and tempogram(torch.zeros(50), 10).isfinite().all()
    frame_level(silent).sum().backward()
    assert silent.grad is not None and silent.grad.isfinite().all()
    x = torch.randn(2, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: delta_features(v, 5), (x,)) and torch.autograd.gradcheck(cmvn, (x,))


def test_wrong_arguments_are_named():
    for make, words in (
        (lambda: delta_features(torch.zeros(1, 5), 9), "5 frames are fewer than the width 9"),
        (lambda: delta_features(torch.zeros(1, 50), 4), "odd width"),
        (lambda: spectral_rolloff(torch.ones(3, 1), 8000, 1.5), "between 0 and 1"),
        (lambda: tempo(torch.zeros(1), 8000), "no rhythm"),
        (lambda: tempogram(torch.zeros(9), 1), "window=1"),
        (lambda: frame_level(torch.zeros(9), 4, 8), "skipped"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
