"""One sound of any format: WAV by ourselves, the others through soundfile, all within limits, at the wanted rate."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from weft.data.audio.resample import resample
from weft.data.audio.wav import WavInfo, read_wav, wav_blocks, wav_bytes, wav_info
from weft.data.contracts import Record
from weft.data.state_files import write_bytes

MAX_BYTES = 500_000_000
MAX_SAMPLES = 100_000_000  # over all channels: about 100 minutes at 16 kHz, 400 MB
WAV_ENDINGS = (".wav", ".wave")


def read_audio(
    audio: Any,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    source_rate: int | None = None,
    start: float = 0.0,
    seconds: float | None = None,
) -> tuple[Float[Tensor, "c t"], int]:
    """Samples (C, T) float32 in [-1, 1] and their rate, of a path, bytes, base64 text, array or tensor.

    Text is always base64, never a path, since it may come from a request. Arrays and tensors are (T,) or (C, T): floating point as it is,
    integers divided by the largest of their type; their rate is ``source_rate``. ``mono`` takes the mean of the channels; ``sample_rate``
    resamples; ``start`` and ``seconds`` read a part. WAV needs nothing; FLAC, OGG, MP3 and NIST SPHERE need the extra ``audio``.
    Raises ValueError naming the file for anything that is not a whole sound within limits (500 MB, 100 million samples), or when arrays
    should be resampled and no ``source_rate`` is given.

    >>> samples, rate = read_audio(wav_bytes(torch.zeros(2, 16000), 16000), sample_rate=8000, mono=True)
    >>> samples.shape, rate
    (torch.Size([1, 8000]), 8000)
    """
    if start < 0 or (seconds is not None and seconds <= 0):
        raise ValueError(f"start={start}, seconds={seconds}; expected a start from 0 on and a positive length")
    if isinstance(audio, (np.ndarray, Tensor)):
        samples, rate = _from_array(audio), source_rate
        if rate is None and (sample_rate is not None or start or seconds is not None):
            raise ValueError("Samples came without their rate; give record['sample_rate'], or source_rate= to read_audio")
        rate = rate or 0
        samples = samples[:, round(start * rate) :][:, : None if seconds is None else round(seconds * rate)]
    else:
        samples, rate = _decoded(audio, start, seconds)
    samples = samples.mean(0, keepdim=True) if mono and len(samples) > 1 else samples
    if sample_rate is not None and sample_rate != rate:
        if samples.numel() * sample_rate > MAX_SAMPLES * rate:  # a header that says 1 Hz would make a small file huge
            raise ValueError(f"{samples.numel():,} samples at {rate} a second are more than {MAX_SAMPLES:,} at {sample_rate}; is the rate right?")
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return samples, rate


def waveform(record: Record, sample_rate: int | None = None, seconds: float | None = None) -> tuple[Float[Tensor, "c t"], int]:
    """The samples of ``record["audio"]`` and their rate (0 when nobody said it), as raw transforms and the codec read them.

    >>> waveform({"audio": torch.zeros(800), "sample_rate": 8000}, sample_rate=16000)[0].shape
    torch.Size([1, 1600])
    """
    if "audio" not in record:
        raise ValueError(f"A sound record needs the key 'audio', got {sorted(record)}")
    given = record.get("sample_rate")
    return read_audio(record["audio"], sample_rate=sample_rate, source_rate=None if given is None else int(given), seconds=seconds)


def audio_info(path: Path | bytes) -> WavInfo:
    """Rate, channels, frames and bits of a sound file without reading its samples.

    >>> audio_info(wav_bytes(torch.zeros(1, 800), 8000)).seconds
    0.1
    """
    if _is_wav(path):
        return wav_info(path)
    soundfile = _soundfile(path)
    try:
        info = soundfile.info(io.BytesIO(path) if isinstance(path, bytes) else str(path))
    except RuntimeError as error:  # libsndfile's error is one
        raise ValueError(f"{_name(path)} is not a readable sound: {error}") from error
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}.get(info.subtype, 0)
    return WavInfo(info.samplerate, info.channels, info.frames, bits, info.subtype in ("FLOAT", "DOUBLE"), 0)


def audio_blocks(path: Path | bytes, seconds: float) -> Iterator[Float[Tensor, "c t"]]:
    """Consecutive blocks of a sound file, the last one shorter; memory for one block.

    >>> [block.shape[-1] for block in audio_blocks(wav_bytes(torch.zeros(1, 800), 8000), seconds=0.04)]
    [320, 320, 160]
    """
    info = audio_info(path)
    frames = round(seconds * info.sample_rate)
    if frames < 1:
        raise ValueError(f"seconds={seconds} is less than one sample at {info.sample_rate} samples a second")
    if _is_wav(path):
        yield from wav_blocks(path, frames)
        return
    with _soundfile(path).SoundFile(io.BytesIO(path) if isinstance(path, bytes) else str(path)) as file:
        file.seekable = lambda: False  # soundfile seeks after every read, which leaves MP3 out of step
        while len(block := file.read(frames, dtype="float32", always_2d=True)):
            yield torch.from_numpy(block.T.copy())


def write_audio(path: str | Path, samples: Float[Tensor, "*any"], sample_rate: int) -> None:
    """Write samples (T,) or (C, T) in the format of the path's ending: 16-bit WAV, or FLAC, OGG and MP3 with the extra ``audio``.

    The file appears whole or not at all. Raises ValueError for an ending that no format has, or for NaN.

    >>> import tempfile
    >>> write_audio(Path(tempfile.mkdtemp(), "silence.wav"), torch.zeros(100), 8000)
    """
    path = Path(path)
    wav = wav_bytes(samples, sample_rate)
    if path.suffix.lower() in WAV_ENDINGS:
        write_bytes(path, wav)
        return
    soundfile, form = _soundfile(path), path.suffix[1:].upper()
    if form not in soundfile.available_formats():
        raise ValueError(f"{str(path)!r} ends in {path.suffix!r}; expected .wav, .flac, .ogg or .mp3")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.atleast_2d(samples.detach().cpu().numpy()).T, sample_rate, format=form)
    write_bytes(path, buffer.getvalue())


def _decoded(audio: Any, start: float, seconds: float | None) -> tuple[Tensor, int]:
    if not isinstance(audio, (Path, bytes, bytearray, str)):
        raise TypeError(f"A sound came as {type(audio).__name__}; expected a Path, bytes, base64 text, an array or a tensor")
    if isinstance(audio, str):
        try:
            audio = base64.b64decode(audio.partition(",")[2] if audio.startswith("data:audio/") else audio, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("A sound given as text must be base64. To name a file, pass pathlib.Path(...)") from error
    audio = bytes(audio) if isinstance(audio, bytearray) else audio
    size = len(audio) if isinstance(audio, bytes) else _size(audio)
    if not 0 < size <= MAX_BYTES:
        raise ValueError(f"{_name(audio)} has {size:,} bytes; expected a sound of at most {MAX_BYTES:,}")
    info = audio_info(audio)
    first = min(round(start * info.sample_rate), info.frames)
    count = info.frames - first if seconds is None else min(round(seconds * info.sample_rate), info.frames - first)
    if count * info.channels > MAX_SAMPLES:
        raise ValueError(f"{_name(audio)} has {count * info.channels:,} samples; the limit is {MAX_SAMPLES:,}. Read a part, or use audio_blocks")
    if _is_wav(audio):
        return read_wav(audio, start=first, frames=count)
    soundfile = _soundfile(audio)
    try:
        array, rate = soundfile.read(io.BytesIO(audio) if isinstance(audio, bytes) else str(audio), count, first, dtype="float32", always_2d=True)
    except RuntimeError as error:
        raise ValueError(f"{_name(audio)} is damaged or cut short: {error}") from error
    return torch.from_numpy(array.T.copy()), rate


def _from_array(audio: np.ndarray | Tensor) -> Tensor:
    samples = audio.detach() if isinstance(audio, Tensor) else torch.from_numpy(np.ascontiguousarray(audio))
    if samples.ndim == 1:
        samples = samples[None]
    if samples.ndim != 2 or not 1 <= samples.shape[0] <= 64:
        raise ValueError(f"A sound array has shape {tuple(audio.shape)}; expected (T,) or (C, T) with at most 64 channels")
    if samples.dtype in (torch.int16, torch.int32):
        return (samples.double() / -float(torch.iinfo(samples.dtype).min)).float()
    if not samples.is_floating_point():
        raise ValueError(f"A sound array has type {samples.dtype}; expected floating point in [-1, 1], int16 or int32")
    return samples.float()


def _is_wav(audio: Path | bytes) -> bool:
    if isinstance(audio, bytes):
        return audio[:4] == b"RIFF"
    try:
        with audio.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise ValueError(f"{_name(audio)} cannot be read: {error}") from error
    # a file that only calls itself WAV goes to our reader, which says what is wrong; NIST SPHERE files are called .wav too
    return head == b"RIFF" or (audio.suffix.lower() in WAV_ENDINGS and head != b"NIST")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise ValueError(f"{_name(path)} cannot be read: {error}") from error


def _name(audio: Path | bytes) -> str:
    return repr(str(audio)) if isinstance(audio, Path) else "a sound (bytes)"


def _soundfile(audio: Path | bytes) -> Any:
    try:
        import soundfile
    except (ModuleNotFoundError, OSError) as error:  # OSError: the package without its library
        remedy = "other formats need soundfile: pip install 'weft[audio]'"
        raise ModuleNotFoundError(f"{_name(audio)} is no WAV file; {remedy}", name="soundfile") from error
    return soundfile
