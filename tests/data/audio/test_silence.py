"""Silence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import Random
from weft.data.audio.silence import TrimSilence, active_frames, sound_spans

ONE = Random(0, 0, torch.tensor([0]))
SOUND = torch.cat([torch.zeros(8000), torch.randn(4000, generator=torch.Generator().manual_seed(0)), torch.zeros(6000)])


def trimmed(samples, **options):
    return TrimSilence(**options)({"audio": samples, "sample_rate": 8000, "label": "a"}, ONE)["audio"]


def test_planted_silence_goes_but_for_a_frame():
    """Property: TrimSilence leaves the sound and, on each side, at most a frame and the margin, in every channel."""
    frame = round(0.032 * 8000)
    out = trimmed(SOUND, margin=0.0)
    assert 4000 <= out.shape[-1] <= 4000 + 2 * frame and abs(out.abs().sum() - SOUND.abs().sum()) < 1e-2
    wide = trimmed(SOUND, margin=0.1)
    assert abs(wide.shape[-1] - out.shape[-1] - 1600) <= 1
    late = torch.stack([SOUND, SOUND.roll(3000)])  # the second channel sounds later: both are cut where either sounds
    both = trimmed(late, margin=0.0)
    assert both.shape[0] == 2 and 7000 <= both.shape[-1] <= 7000 + 2 * frame


def test_a_threshold_instead_of_decibels():
    loud = SOUND + 0.005
    assert trimmed(loud, threshold=0.01, margin=0.0).shape[-1] < 4600
    assert trimmed(loud, threshold=0.001, margin=0.0).shape[-1] == len(loud)


def test_silent_and_short_sounds():
    silent = torch.zeros(500)
    assert torch.equal(trimmed(silent)[0], silent)
    with pytest.raises(ValueError, match="'x.wav' is silent throughout"):  # noqa: RUF043
        TrimSilence(silent="raise")({"audio": silent, "sample_rate": 8000, "path": "x.wav"}, ONE)
    assert trimmed(torch.ones(3)).shape == (1, 3) and trimmed(torch.zeros(0)).shape == (1, 0)
    click = torch.zeros(8000)
    for place in (0, 4000, 7999):
        click.zero_()[place] = 1.0
        out = trimmed(click, margin=0.0, shortest=0.5)
        assert out.shape == (1, 4000) and out.sum() == 1
    with pytest.raises(ValueError, match="without their rate"):
        TrimSilence()({"audio": click}, ONE)


def test_spans_equal_librosa():
    """Parity: sound_spans gives the intervals of librosa.effects.split, and their ends those of librosa.effects.trim."""
    librosa = pytest.importorskip("librosa")
    gaps = torch.cat([SOUND, SOUND * 0.05, torch.zeros(3000), SOUND[8000:12000]])
    for x in (gaps[None], torch.stack([gaps, gaps.flip(0)])):
        for top in (20.0, 40.0, 60.0):
            spans = sound_spans(x, below_peak=top)
            theirs = librosa.effects.split(x.numpy().squeeze(), top_db=top)
            assert np.array_equal(np.array(spans), theirs)
            _, ends = librosa.effects.trim(x.numpy().squeeze(), top_db=top)
            assert (spans[0][0], spans[-1][1]) == tuple(ends)


def test_frames_are_found_for_any_length():
    assert active_frames(torch.ones(1, 10)).tolist() == [True]
    assert sound_spans(torch.zeros(1, 100)) == [] and sound_spans(torch.ones(2, 5000)) == [(0, 5000)]


def test_wrong_arguments_are_named():
    for wrong, words in (({"silent": "drop"}, "'keep' or 'raise'"), ({"frame": 0.0}, "positive seconds"), ({"margin": -1.0}, "from 0 on")):
        with pytest.raises(ValueError, match=words):
            TrimSilence(**wrong)
    with pytest.raises(ValueError, match="hop=0"):
        active_frames(torch.ones(1, 5), hop=0)
