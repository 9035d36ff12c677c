"""Reading one picture: limits before decoding, then one upright 8-bit image."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000
ORIENTATION = 0x0112  # EXIF's tag
# decoders of common pictures only: Pillow also knows formats that start other programs (EPS) or are rarely tested
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")


def read_image(
    image: Any, *, channels: int = 3, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES,
    target: tuple[int, int] | Callable[[int, int], tuple[int, int]] | None = None,
) -> Image.Image:  # fmt: skip
    """An upright RGB (``channels=3``) or grey (``channels=1``) image of a path, bytes, base64 text, Pillow image or 8-bit array.

    Text is always base64, never a path, since it may come from a request. Arrays are (H, W) or (H, W, C), tensors (H, W) or (C, H, W), both
    uint8. Camera rotation is applied; 16-bit grey is scaled, not clipped; transparency is laid over white. ``target`` (height, width) lets JPEG
    decode at reduced size when that is still larger; a function of the upright (height, width) is asked once they are known. A Pillow image
    may itself be returned when nothing is to be changed. Raises ValueError naming the file for anything that is not a whole picture within limits.

    >>> read_image(np.zeros((4, 6), dtype=np.uint8)).size
    (6, 4)
    """
    name = f"{str(image)!r}" if isinstance(image, Path) else f"a picture ({type(image).__name__})"
    if isinstance(image, (np.ndarray, Tensor)):
        return _mode(_from_array(image), channels)
    if isinstance(image, Image.Image):
        return _mode(_upright(image, name, max_pixels), channels)
    data = _bytes(image, name, max_bytes)
    if not data:
        raise ValueError(f"{name} is empty: 0 bytes; expected a picture")
    try:
        opened = Image.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:  # broken files raise almost anything in Pillow's parsers
        raise ValueError(f"{name} is not a readable picture ({type(error).__name__}: {error}); expected one of {', '.join(FORMATS)}") from error
    if target is not None:
        _check_pixels(opened, name, max_pixels)
        side = 2 * max(target(*_upright_size(opened, name)) if callable(target) else target)
        opened.draft(None, (side, side))  # both sides alike, since the camera may have been turned
    return _mode(_upright(opened, name, max_pixels), channels)


def _bytes(image: Any, name: str, max_bytes: int) -> bytes:
    if isinstance(image, Path):
        try:
            size = image.stat().st_size
            _check_bytes(size, name, max_bytes)
            return image.read_bytes()
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error}") from error
    if isinstance(image, (bytes, bytearray)):
        _check_bytes(len(image), name, max_bytes)
        return bytes(image)
    if isinstance(image, str):
        _check_bytes(len(image) * 3 // 4, name, max_bytes)
        try:
            return base64.b64decode(image.partition(",")[2] if image.startswith("data:image/") else image, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("An image given as text must be base64. To name a file, pass pathlib.Path(...)") from error
    raise TypeError(f"An image came as {type(image).__name__}; expected a Path, bytes, base64 text, a Pillow image or a uint8 array")


def _check_bytes(size: int, name: str, limit: int) -> None:
    if size > limit:
        raise ValueError(f"{name} has {size:,} bytes; the limit is {limit:,}")


def _check_pixels(image: Image.Image, name: str, limit: int) -> None:
    if image.width * image.height > limit:
        raise ValueError(f"{name} has {image.width} x {image.height} pixels; the limit is {limit:,}. Scale it down, or raise max_pixels")


def _upright(image: Image.Image, name: str, max_pixels: int) -> Image.Image:
    _check_pixels(image, name, max_pixels)
    try:
        image.load()
        return ImageOps.exif_transpose(image) if _turned(image) else image  # it copies also what needs no turning
    except Exception as error:  # as above: decoders raise OSError, SyntaxError, struct.error and more
        raise ValueError(f"{name} is damaged or cut short ({type(error).__name__}: {error})") from error


def _turned(image: Image.Image) -> int:
    """How the camera was held: EXIF's number from 2 on, or 0."""
    turned = image.getexif().get(ORIENTATION, 1)
    return turned if turned in range(2, 9) else 0


def _upright_size(image: Image.Image, name: str) -> tuple[int, int]:
    try:
        return (image.width, image.height) if _turned(image) >= 5 else (image.height, image.width)
    except Exception as error:  # as below
        raise ValueError(f"{name} is damaged ({type(error).__name__}: {error})") from error


def _from_array(image: np.ndarray | Tensor) -> Image.Image:
    array = image if isinstance(image, np.ndarray) else (image.movedim(0, -1) if image.ndim == 3 else image).cpu().numpy()
    if array.dtype != np.uint8:
        raise ValueError(f"An image array has type {array.dtype}; expected uint8 from 0 to 255")
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] not in (3, 4)) or 0 in array.shape:
        shape = tuple(image.shape)
        raise ValueError(f"An image array has shape {shape}; expected (H, W), an array (H, W, C) or a tensor (C, H, W), C = 1, 3 or 4")
    return Image.fromarray(np.ascontiguousarray(array))


def _mode(image: Image.Image, channels: int) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion clips everything above 255 to white
        image = Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("A picture holds floating-point numbers; expected 8 or 16 bits a channel")
    if image.mode in ("RGBA", "LA", "PA") or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)
