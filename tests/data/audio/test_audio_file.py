"""Sounds of any format."""

from __future__ import annotations

import base64
import builtins
import io
from pathlib import Path

import numpy as np
import pytest
import torch

from weft.data.audio import audio_blocks, audio_file, audio_info, read_audio, wav_bytes, waveform, write_audio

TONE = torch.sin(torch.arange(8000) * 0.05)[None] * 0.5


def test_path_bytes_text_and_arrays_are_the_same_sound(tmp_path):
    data = wav_bytes(TONE, 8000)
    (tmp_path / "a.wav").write_bytes(data)
    expected, rate = read_audio(data)
    assert rate == 8000
    text = base64.b64encode(data).decode()
    for form in (tmp_path / "a.wav", bytearray(data), text, "data:audio/wav;base64," + text):
        assert torch.equal(read_audio(form)[0], expected)
    whole = (expected[0] * 32768).to(torch.int16)
    for form in (whole, whole.numpy(), expected, expected[0].double().numpy(), whole.int() * 65536):
        samples, rate = read_audio(form, source_rate=8000)
        assert torch.equal(samples, expected) and samples.dtype == torch.float32 and rate == 8000


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3"])
def test_other_formats_equal_soundfile_and_come_in_parts(tmp_path, ending):
    """Parity: read_audio and audio_blocks give soundfile's samples; lossless where the format is."""
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / f"a.{ending}"
    write_audio(path, TONE, 16000)
    expected, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples, ours = read_audio(path)
    assert ours == rate == 16000 and np.array_equal(samples.numpy(), expected.T)
    blocks = torch.cat(list(audio_blocks(path, 0.1)), 1)
    assert blocks.shape == samples.shape and (blocks - samples).abs().max() < 1e-6
    assert audio_info(path).sample_rate == 16000 and audio_info(path).frames == len(expected)
    part, _ = read_audio(path.read_bytes(), start=0.1, seconds=0.2)
    assert part.shape == (1, 3200) and (part - samples[:, 1600:4800]).abs().max() < 1e-6
    if ending == "flac":
        assert torch.equal(samples, read_audio(wav_bytes(TONE, 16000))[0])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=path.name):
        read_audio(path)


def test_mono_is_the_mean_and_the_rate_is_the_wanted_one():
    stereo = torch.cat([TONE, TONE * 0])
    samples, rate = read_audio(stereo, source_rate=8000, sample_rate=16000, mono=True)
    assert samples.shape == (1, 16000) and rate == 16000
    assert abs(samples.abs().max() - 0.25) < 0.005
    assert torch.equal(read_audio(stereo, source_rate=8000, mono=True, start=0.5, seconds=0.25)[0], TONE[:, 4000:6000] / 2)


def test_without_soundfile_the_remedy_is_said_and_wav_still_works(tmp_path, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name == "soundfile":
            raise ModuleNotFoundError("No module named 'soundfile'", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    (tmp_path / "a.flac").write_bytes(b"fLaC" + bytes(100))
    with pytest.raises(ModuleNotFoundError, match=r"a\.flac.*pip install 'weft\[audio\]'"):
        read_audio(tmp_path / "a.flac")
    assert read_audio(wav_bytes(TONE, 8000))[1] == 8000


def test_limits_hold_before_decoding(monkeypatch):
    monkeypatch.setattr(audio_file, "MAX_SAMPLES", 7999)
    with pytest.raises(ValueError, match="8,000 samples; the limit is 7,999"):
        read_audio(wav_bytes(TONE, 8000))
    assert read_audio(wav_bytes(TONE, 8000), seconds=0.5)[0].shape == (1, 4000)
    with pytest.raises(ValueError, match="4,000 samples at 8000 a second are more than 7,999 at 16000; is the rate right"):
        read_audio(wav_bytes(TONE, 8000), seconds=0.5, sample_rate=16000)
    monkeypatch.setattr(audio_file, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="at most 100"):
        read_audio(wav_bytes(TONE, 8000))


@pytest.mark.parametrize(
    ("audio", "error", "words"),
    [
        (b"", ValueError, "0 bytes"),
        (Path("/nowhere/a.wav"), ValueError, "a.wav.*cannot be read"),
        ("no base64!", ValueError, "pathlib.Path"),
        (3.5, TypeError, "float; expected a Path"),
        (torch.zeros(2, 2, 2), ValueError, "shape \\(2, 2, 2\\)"),
        (torch.zeros(5, dtype=torch.int64), ValueError, "int64"),
        (np.zeros((8000, 2)), ValueError, "\\(8000, 2\\)"),
    ],
)
def test_what_is_no_sound_is_named(audio, error, words):
    with pytest.raises(error, match=words):
        read_audio(audio)


def test_bare_samples_need_a_rate_before_they_are_resampled():
    with pytest.raises(ValueError, match="without their rate"):
        read_audio(TONE, sample_rate=16000)
    with pytest.raises(ValueError, match="'audio'"):
        waveform({"image": 1})
    assert waveform({"audio": TONE, "sample_rate": 8000}, 4000)[0].shape == (1, 4000)
    assert waveform({"audio": TONE})[1] == 0
    for wrong in ({"start": -1.0}, {"seconds": 0.0}):
        with pytest.raises(ValueError, match="positive length"):
            read_audio(TONE, source_rate=8000, **wrong)


def test_an_unknown_ending_writes_nothing(tmp_path):
    pytest.importorskip("soundfile")
    with pytest.raises(ValueError, match=r"ends in '\.xyz'"):
        write_audio(tmp_path / "a.xyz", TONE, 8000)
    with pytest.raises(ValueError, match="NaN"):
        write_audio(tmp_path / "a.wav", TONE * float("nan"), 8000)
    assert not list(tmp_path.iterdir())


def test_a_file_that_only_calls_itself_wav_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"ID3 something else")
    with pytest.raises(ValueError, match=r"a\.wav.*is not a WAV file"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(ValueError, match="less than one sample"):
        next(audio_blocks(wav_bytes(TONE, 8000), 1e-9))
    assert io.BytesIO(wav_bytes(TONE, 8000)).getbuffer().nbytes == 44 + 16000
