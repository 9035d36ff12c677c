"""Small files for the tests of quality: pictures, sounds, folders of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from weft.data.audio.wav import wav_bytes


def photo(seed: int, size: tuple[int, int] = (96, 72)) -> Image.Image:
    """A picture with large forms and fine detail, different for each seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    fine = rng.integers(-20, 21, (size[1], size[0], 1))
    return Image.fromarray((np.asarray(coarse).astype(int) + fine).clip(0, 255).astype(np.uint8))


def drawn(picture: Image.Image, form: str = "PNG", **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def blurred(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(6))


def tone(seconds: float = 0.25, rate: int = 8000, loudness: float = 0.5, hertz: float = 440.0) -> bytes:
    time = torch.arange(int(seconds * rate)) / rate
    return wav_bytes(loudness * torch.sin(2 * torch.pi * hertz * time), rate)


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
