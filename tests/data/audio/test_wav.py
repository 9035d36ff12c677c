"""WAV files of our own: exact samples, honest errors."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data.audio import read_wav, wav_blocks, wav_bytes, wav_info, write_wav

SOUND = torch.rand(2, 1001, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(("bits", "floating", "error"), [(8, False, 2**-8), (16, False, 2**-16), (24, False, 2**-24), (32, False, 1e-7), (32, True, 0), (64, True, 0)])
def test_samples_come_back_within_half_a_step(tmp_path, bits, floating, error):
    path = tmp_path / "sound.wav"
    write_wav(path, SOUND, 44100, bits=bits, floating=floating)
    samples, rate = read_wav(path)
    assert rate == 44100 and samples.dtype == torch.float32 and samples.shape == SOUND.shape
    # the highest step is 1 - 2^(1 - bits): beyond it samples are clipped
    assert (samples - SOUND.clamp(max=1 - 2.0 ** (1 - bits) if not floating else 1)).abs().max() <= error * 1.001
    info = wav_info(path)
    assert (info.channels, info.frames, info.bits, info.floating) == (2, 1001, bits, floating)
    assert [file.name for file in tmp_path.iterdir()] == ["sound.wav"]


@pytest.mark.parametrize(("subtype", "bits", "floating"), [("PCM_U8", 8, False), ("PCM_16", 16, False), ("PCM_24", 24, False), ("PCM_32", 32, False), ("FLOAT", 32, True), ("DOUBLE", 64, True)])
def test_samples_equal_those_of_soundfile(tmp_path, subtype, bits, floating):
    """Parity: read_wav reads what libsndfile writes, WAVE_FORMAT_EXTENSIBLE too, sample for sample, and libsndfile reads what write_wav writes."""
    soundfile = pytest.importorskip("soundfile")
    for form in ("WAV", "WAVEX"):
        buffer = io.BytesIO()
        soundfile.write(buffer, SOUND.T.numpy(), 22050, format=form, subtype=subtype)
        expected, _ = soundfile.read(io.BytesIO(buffer.getvalue()), dtype="float32", always_2d=True)
        assert np.array_equal(read_wav(buffer.getvalue())[0].numpy().T, expected)
    ours = wav_bytes(SOUND, 22050, bits=bits, floating=floating)
    theirs, rate = soundfile.read(io.BytesIO(ours), dtype="float32", always_2d=True)
    assert rate == 22050 and np.array_equal(theirs.T, read_wav(ours)[0].numpy())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(1, 70), st.integers(1, 40), st.sampled_from([8, 16, 24, 32]))
def test_parts_and_blocks_equal_the_whole(start, frames, block, bits):
    """Property: a part read alone is that part of the whole, and blocks joined are the whole."""
    data = wav_bytes(SOUND[:, :53], 8000, bits=bits)
    whole, _ = read_wav(data)
    assert torch.equal(read_wav(data, start=start, frames=frames)[0], whole[:, start : start + frames])
    assert torch.equal(torch.cat(list(wav_blocks(data, block)), 1), whole)


def test_other_chunks_are_passed_over_and_odd_ones_padded():
    data = wav_bytes(SOUND[:, :10], 8000)
    listed = data[:12] + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + data[12:]
    assert torch.equal(read_wav(listed)[0], read_wav(data)[0])


def broken(change):
    data = bytearray(wav_bytes(SOUND[:, :100], 8000))
    return bytes(change(data) or data)


def patched(at, form, value):
    return lambda data: struct.pack_into(form, data, at, value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:200], "promises 400 bytes.*ends at 200; the file is cut short"),
        (patched(40, "<I", 2**31), "promises 2,147,483,648 bytes"),
        (lambda data: data[:30], "promises 16 bytes.*cut short"),
        (lambda data: data[:36], "no samples"),
        (lambda data: b"RIFX" + data[4:], "not a WAV file"),
        (lambda data: b"\0", "not a WAV file"),
        (patched(20, "<H", 6), "encoding 6 with 16 bits"),
        (patched(34, "<H", 12), "12 bits"),
        (patched(22, "<H", 0), "0 channels"),
        (patched(22, "<H", 9999), "9999 channels"),
        (patched(24, "<I", 0), "0 samples a second"),
        (patched(32, "<H", 3), "3 bytes a frame"),
        (patched(16, "<I", 8), "format of 8 bytes"),
    ],
)
def test_a_damaged_file_is_refused_and_named(tmp_path, change, words):
    path = tmp_path / "broken.wav"
    path.write_bytes(broken(change))
    with pytest.raises(ValueError, match=words) as caught:
        read_wav(path)
    assert "broken.wav" in str(caught.value)


def test_a_format_after_the_samples_is_damage():
    data = wav_bytes(SOUND[:, :10], 8000)
    with pytest.raises(ValueError, match="samples before its format"):
        read_wav(data[:12] + data[36:])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 43), st.integers(0, 255), st.integers(0, 60))
def test_no_header_reads_beyond_the_file(at, value, cut):
    """Property: whatever byte of the header is changed, the file is read within its own size or refused with ValueError."""
    data = bytearray(wav_bytes(SOUND[:1, :20], 8000))
    data[at] = value
    data = bytes(data[: len(data) - cut])
    try:
        samples, _ = read_wav(data)
    except ValueError:
        return
    assert samples.numel() <= len(data)


def test_wrong_arguments_are_named(tmp_path):
    for samples, options, words in (
        (torch.zeros(2, 2, 2), {}, "expected \\(T,\\) or \\(C, T\\)"),
        (torch.tensor([float("nan")]), {}, "NaN"),
        (torch.zeros(3), {"bits": 12}, "expected 8, 16, 24 or 32"),
        (torch.zeros(3), {"bits": 16, "floating": True}, "floating with 32 or 64"),
    ):
        with pytest.raises(ValueError, match=words):
            write_wav(tmp_path / "a.wav", samples, 8000, **options)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="sample_rate=0"):
        wav_bytes(torch.zeros(3), 0)
    with pytest.raises(ValueError, match="cannot be read"):
        read_wav(tmp_path / "missing.wav")
    with pytest.raises(ValueError, match="numbers from 0 on"):
        read_wav(wav_bytes(torch.zeros(3), 8000), start=-1)
    with pytest.raises(ValueError, match="at least one"):
        next(wav_blocks(wav_bytes(torch.zeros(3), 8000), 0))


def test_loud_samples_are_clipped_not_wrapped():
    samples, _ = read_wav(wav_bytes(torch.tensor([1.5, -1.5, 1.0]), 8000))
    assert samples[0].tolist() == [32767 / 32768, -1.0, 32767 / 32768]


def test_an_empty_sound_is_one():
    samples, rate = read_wav(wav_bytes(torch.zeros(1, 0), 8000))
    assert samples.shape == (1, 0) and rate == 8000
