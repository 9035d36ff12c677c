"""Sound: silence, clipping, offset, damage."""

from __future__ import annotations

import pytest
import torch

from tests.data.quality.files import tone
from weft.data.audio.wav import wav_bytes
from weft.data.quality.sounds import clipped_runs, examine_sound


def kinds(source) -> list[str]:
    return [problem.kind for problem in examine_sound(source, "a.wav").problems]


def test_a_good_recording_has_no_problem(tmp_path):
    (tmp_path / "a.wav").write_bytes(tone(0.5))
    for source in (tone(0.5), tmp_path / "a.wav"):
        examined = examine_sound(source, "a.wav")
        assert examined.problems == ()
        assert examined.measures["seconds"] == 0.5 and examined.measures["rate"] == 8000
        assert examined.measures["rms"] == pytest.approx(0.5 / 2**0.5, rel=1e-2) and examined.measures["peak"] == pytest.approx(0.5, abs=1e-3)


def test_each_kind_of_fault_is_found(tmp_path):
    assert kinds(wav_bytes(torch.zeros(800), 8000)) == ["silent"]
    assert kinds(tone(loudness=3.0)) == ["clipped"]  # a louder wave is cut off at full scale
    assert kinds(wav_bytes(0.3 + 0.1 * torch.sin(torch.arange(8000) / 9), 8000)) == ["offset"]
    assert kinds(tone()[:-100]) == ["unreadable"] and kinds(b"RIFF") == ["unreadable"] and kinds(b"") == ["empty"]
    assert kinds(wav_bytes(torch.zeros(0), 8000)) == ["empty"]
    broken = bytearray(wav_bytes(torch.zeros(80), 8000, bits=32, floating=True))
    broken[-8:-4] = b"\x00\x00\xc0\x7f"
    assert kinds(bytes(broken)) == ["unreadable"]
    assert kinds(tmp_path / "none.wav") == ["unreadable"]


def test_a_loud_wave_that_is_whole_is_not_clipped():
    assert kinds(tone(loudness=1.0, hertz=1000.0)) == []
    assert clipped_runs(torch.tensor([[1.0, -1.0, 1.0, 1.0, -1.0]])) == 0
    assert clipped_runs(torch.tensor([[1.0, 1.0, 1.0, 0.0, -1.0, -1.0, -1.0, -1.0]])) == 2
