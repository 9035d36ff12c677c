"""WAV files, read and written without any library: the header is held against the file before a sample is read."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.state_files import write_bytes

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
KINDS = {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)}
MAX_CHANNELS, MAX_RATE = 64, 1_000_000
Opened = io.BytesIO | io.BufferedReader


@dataclass(frozen=True)
class WavInfo:
    """What the header of a WAV file says: samples per second and channel, channels, number of frames, bits of a sample, PCM or float."""

    sample_rate: int
    channels: int
    frames: int
    bits: int
    floating: bool
    start: int  # byte where the samples begin

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def wav_info(source: Path | bytes) -> WavInfo:
    """The header of a WAV file, checked against the file's size; see ``read_wav`` for what is refused.

    >>> wav_info(wav_bytes(torch.zeros(2, 100), 8000)).seconds
    0.0125
    """
    with _opened(source) as (file, name):
        return _header(file, name)


def read_wav(source: Path | bytes, *, start: int = 0, frames: int | None = None) -> tuple[Float[Tensor, "c t"], int]:
    """Samples in [-1, 1] as float32 (C, T), and the sample rate.

    PCM of 8, 16, 24 or 32 bits is divided by 2^(bits - 1), as libsndfile does; floating point is kept as it is. ``start`` and ``frames`` read a
    part, without reading what lies before it. Raises ValueError naming the file for one that is no WAV, is cut short, promises more than it
    holds, or is of another encoding.

    Use when files are WAV; instead of it, ``read_audio`` for any format and a wanted rate. Cost: the part that is read.

    >>> samples, rate = read_wav(wav_bytes(torch.tensor([[0.0, 0.5, -1.0]]), 8000))
    >>> samples.tolist(), rate
    ([[0.0, 0.5, -1.0]], 8000)
    """
    with _opened(source) as (file, name):
        info = _header(file, name)
        return _samples(file, name, info, start, frames), info.sample_rate


def wav_blocks(source: Path | bytes, frames: int) -> Iterator[Float[Tensor, "c t"]]:
    """The samples in consecutive blocks of ``frames``, the last one shorter: a file of any length in bounded memory.

    >>> [block.shape[-1] for block in wav_blocks(wav_bytes(torch.zeros(1, 10), 8000), frames=4)]
    [4, 4, 2]
    """
    if frames < 1:
        raise ValueError(f"frames={frames}; a block needs at least one")
    with _opened(source) as (file, name):
        info = _header(file, name)
        for start in range(0, info.frames, frames):
            yield _samples(file, name, info, start, min(frames, info.frames - start))


def wav_bytes(samples: Float[Tensor, "*any"], sample_rate: int, *, bits: int = 16, floating: bool = False) -> bytes:
    """A WAV file of samples (T,) or (C, T) in [-1, 1] as bytes; ``write_wav`` writes them to disk.

    PCM is rounded to the nearest step, and what lies outside [-1, 1] is clipped. Raises ValueError for NaN, no channel or an odd encoding.

    >>> len(wav_bytes(torch.zeros(100), 8000))
    244
    """
    samples = samples[None] if samples.ndim == 1 else samples
    kind = FLOAT if floating else PCM
    if samples.ndim != 2 or not 1 <= len(samples) <= MAX_CHANNELS:
        raise ValueError(f"Samples have shape {tuple(samples.shape)}; expected (T,) or (C, T) with 1 to {MAX_CHANNELS} channels")
    if (kind, bits) not in KINDS:
        raise ValueError(f"bits={bits}, floating={floating}; expected 8, 16, 24 or 32, or floating with 32 or 64")
    if not 1 <= sample_rate <= MAX_RATE:
        raise ValueError(f"sample_rate={sample_rate}; expected 1 to {MAX_RATE:,} samples a second")
    values = samples.detach().cpu().double().numpy().T
    if not np.isfinite(values).all():
        raise ValueError("The samples hold NaN or infinity; a sound file cannot say that")
    data = _packed(values, bits, floating)
    frame = samples.shape[0] * bits // 8
    extra = struct.pack("<4sII", b"fact", 4, samples.shape[1]) if floating else b""  # what is not PCM states its length
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, samples.shape[0], sample_rate, sample_rate * frame, frame, bits) + extra
    body = head + struct.pack("<4sI", b"data", len(data)) + data + b"\0" * (len(data) % 2)
    if len(body) + 4 >= 2**32:
        raise ValueError(f"{len(data):,} bytes of samples do not fit into a WAV file (4 GiB); write several")
    return struct.pack("<4sI4s", b"RIFF", len(body) + 4, b"WAVE") + body


def write_wav(path: str | Path, samples: Float[Tensor, "*any"], sample_rate: int, *, bits: int = 16, floating: bool = False) -> None:
    """Write samples (T,) or (C, T) as a WAV file; it appears whole or not at all. See ``wav_bytes``."""
    write_bytes(Path(path), wav_bytes(samples, sample_rate, bits=bits, floating=floating))


def _packed(values: np.ndarray, bits: int, floating: bool) -> bytes:
    if floating:
        return np.ascontiguousarray(values, dtype=f"<f{bits // 8}").tobytes()
    scale = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(values * scale), -scale, scale - 1).astype(np.int64)
    if bits == 8:
        return (whole + 128).astype(np.uint8).tobytes()
    if bits == 24:
        return np.ascontiguousarray(whole.astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return np.ascontiguousarray(whole, dtype=f"<i{bits // 8}").tobytes()


@contextmanager
def _opened(source: Path | bytes) -> Iterator[tuple[Opened, str]]:
    if isinstance(source, bytes):
        yield io.BytesIO(source), "a WAV (bytes)"
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise ValueError(f"{str(source)!r} cannot be read: {error}") from error
    with file:
        yield file, repr(str(source))


def _header(file: Opened, name: str) -> WavInfo:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise ValueError(f"{name} is not a WAV file: it begins with {head[:12]!r} ({size:,} bytes); expected RIFF....WAVE")
    form = None
    while True:
        chunk = file.read(8)
        if len(chunk) < 8:
            raise ValueError(f"{name} has no {'samples (chunk data)' if form else 'format (chunk fmt)'}; the file is cut short at byte {size:,}")
        kind, length = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        here = file.tell()
        if here + length > size:
            raise ValueError(f"{name} promises {length:,} bytes in chunk {kind!r} at byte {here:,}, but ends at {size:,}; the file is cut short")
        if kind == b"fmt ":
            form = _format(file.read(min(length, 40)), name)
        elif kind == b"data":
            if form is None:
                raise ValueError(f"{name} has samples before its format; it is damaged")
            code, channels, rate, bits = form
            return WavInfo(rate, channels, length // (channels * bits // 8), bits, code == FLOAT, here)
        file.seek(here + length + length % 2)  # chunks begin at even bytes


def _format(data: bytes, name: str) -> tuple[int, int, int, int]:
    if len(data) < 16:
        raise ValueError(f"{name} has a format of {len(data)} bytes; expected 16 or more")
    code, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", data[:16])
    if code == EXTENSIBLE and len(data) >= 26:
        code = struct.unpack("<H", data[24:26])[0]  # the first two bytes of the long name are the code
    if (code, bits) not in KINDS:
        raise ValueError(f"{name} is of WAV encoding {code} with {bits} bits; read here are PCM of 8, 16, 24, 32 bits and float of 32, 64 bits")
    if not 1 <= channels <= MAX_CHANNELS or not 1 <= rate <= MAX_RATE or frame != channels * bits // 8:
        raise ValueError(f"{name} says {channels} channels, {rate} samples a second, {frame} bytes a frame of {bits} bits; that is damaged")
    return code, channels, rate, bits


def _samples(file: Opened, name: str, info: WavInfo, start: int, frames: int | None) -> Tensor:
    if start < 0 or (frames is not None and frames < 0):
        raise ValueError(f"start={start}, frames={frames}; expected numbers from 0 on")
    start = min(start, info.frames)
    count = info.frames - start if frames is None else min(frames, info.frames - start)
    width = info.channels * info.bits // 8
    file.seek(info.start + start * width)
    data = file.read(count * width)
    if len(data) < count * width:
        raise ValueError(f"{name} ended after {len(data):,} of {count * width:,} bytes of samples; it was changed while it was read")
    return torch.from_numpy(_unpacked(data, info).reshape(count, info.channels).T.copy())


def _unpacked(data: bytes, info: WavInfo) -> np.ndarray:
    if info.floating:
        return np.frombuffer(data, f"<f{info.bits // 8}").astype(np.float32)
    if info.bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if info.bits == 24:
        bytes_of = np.frombuffer(data, np.uint8).reshape(-1, 3)
        whole = np.zeros((len(bytes_of), 4), np.uint8)
        whole[:, 1:] = bytes_of  # the upper three bytes, so that the sign stands where it belongs
        return (whole.view("<i4")[:, 0] >> 8).astype(np.float32) / 2**23
    return (np.frombuffer(data, f"<i{info.bits // 8}") / 2.0 ** (info.bits - 1)).astype(np.float32)
