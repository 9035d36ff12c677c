"""One picture: whether it is whole, constant or blurred, and a hash that its copies share."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from weft.data.image_file import read_image
from weft.data.quality.findings import Examined, Problem

LOOKED_AT = 256  # longest side at which sharpness is measured
BLURRED = 0.008  # sharpness below which a picture counts as blurred
ADDRESS = re.compile(r" <_io\.BytesIO[^>]*>")  # Pillow's messages name the object in memory, which differs each time
HASH = 16  # the hash has HASH x HASH bits
MAGIC = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": (b"BM",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "WEBP": (b"RIFF",),
}
ENDINGS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".gif": "GIF", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}


def examine_picture(data: bytes, file: str) -> Examined:
    """Measures (width, height, format, mode, brightness, contrast, sharpness), problems and the perceptual hash of a picture's bytes.

    Problems: ``empty``; ``unreadable`` (also a wrong checksum in a PNG); ``wrong ending``; ``constant`` (all pixels alike); ``blurred``
    (sharpness, see ``sharpness``, below 0.008).

    >>> file = io.BytesIO()
    >>> Image.new("RGB", (8, 8), "red").save(file, "PNG")
    >>> [problem.kind for problem in examine_picture(file.getvalue(), "red.jpg").problems]
    ['wrong ending', 'constant']
    """
    if not data:
        return Examined(problems=(Problem("empty", "holds 0 bytes", file, severity="error"),))
    try:
        if wrong := png_damage(data):
            raise ValueError(wrong)
        size, form, mode = header(data)
        picture = read_image(data, channels=1, target=(LOOKED_AT, LOOKED_AT))
    except ValueError as error:
        message = ADDRESS.sub("", str(error)).removeprefix("a picture (bytes) ")
        return Examined(problems=(Problem("unreadable", message, file, severity="error"),))
    problems = []
    expected = ENDINGS.get("." + file.rsplit(".", 1)[-1].lower())
    if expected and not data.startswith(MAGIC[expected]):
        problems.append(Problem("wrong ending", f"ends in .{file.rsplit('.', 1)[-1]}, but is {form}", file))
    grey = np.asarray(picture, dtype=np.float32) / 255
    measures: dict[str, Any] = {"width": size[0], "height": size[1], "format": form, "mode": mode, "brightness": float(grey.mean())}
    measures |= {"contrast": float(grey.std()), "sharpness": sharpness(picture)}
    if float(grey.max() - grey.min()) <= 2 / 255:
        problems.append(Problem("constant", f"all pixels are alike (brightness {measures['brightness']:.2f})", file))
        return Examined(measures, tuple(problems))
    if measures["sharpness"] < BLURRED and min(size) >= 32:
        problems.append(Problem("blurred", f"sharpness {measures['sharpness']:.4f} is below {BLURRED}", file, severity="note"))
    return Examined(measures, tuple(problems), picture_hash(picture))


def header(data: bytes) -> tuple[tuple[int, int], str, str]:
    """Width and height, format and mode, of a picture that has not been decoded yet."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            return opened.size, str(opened.format), opened.mode
    except Exception as error:  # broken files raise almost anything in Pillow's parsers
        raise ValueError(f"is not a readable picture ({type(error).__name__}: {error})") from error


def png_damage(data: bytes) -> str:
    """What is wrong with the chunks of a PNG: a checksum, or an end that is missing; nothing for a whole one and for other formats."""
    if not data.startswith(MAGIC["PNG"]):
        return ""
    place = 8
    while place + 12 <= len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        end = place + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(data[place + 4 : end]) != struct.unpack(">I", data[end : end + 4])[0]:
            return f"is a damaged PNG: the checksum of the chunk at byte {place:,} is wrong"
        if data[place + 4 : place + 8] == b"IEND":
            return ""
        place = end + 4
    return f"is a PNG that is cut short: {len(data):,} bytes and no end"


def sharpness(picture: Image.Image) -> float:
    """Variance of the Laplacian over the variance of the grey values, at most 256 pixels wide: near 0 for a blurred picture, 20 for noise.

    Paper: Pech-Pacheco et al., 2000, doi:10.1109/ICPR.2000.903548. Differs: divided by the variance, so that contrast does not count.
    """
    small = picture.convert("L")
    small.thumbnail((LOOKED_AT, LOOKED_AT))
    grey = np.asarray(small, dtype=np.float32)
    if min(grey.shape) < 3 or not grey.var() > 0:
        return 0.0
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return float(laplacian.var() / grey.var())


def picture_hash(picture: Image.Image) -> bytes:
    """256 bits: whether each cell of a 16 x 16 grid is clearly brighter than its right neighbour.

    Scaling, recompression and small changes of light move few bits. "Clearly" (by 2 of 255 grey values after stretching the range) keeps
    even areas at 0, where noise would decide otherwise.

    >>> picture_hash(Image.linear_gradient("L").rotate(90)) == picture_hash(Image.linear_gradient("L").rotate(90).resize((90, 70)))
    True
    """
    cells = np.asarray(picture.convert("L").resize((HASH + 1, HASH), Image.Resampling.BOX), dtype=np.float32)
    cells = (cells - cells.min()) * (255 / max(1.0, float(cells.max() - cells.min())))
    return np.packbits(cells[:, :-1] > cells[:, 1:] + 2).tobytes()
