"""Reading a picture: limits first, then one upright 8-bit image; hostile files are refused by name."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from weft.data import read_image

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5


def png(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that announces width x height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_every_form_of_the_same_picture_reads_the_same(tmp_path):
    image = Image.fromarray(PIXELS)
    path = tmp_path / "a.png"
    path.write_bytes(png(image))
    text = base64.b64encode(png(image)).decode()
    forms = [path, png(image), text, f"data:image/png;base64,{text}", image, PIXELS, torch.from_numpy(PIXELS).movedim(-1, 0)]
    assert all(np.array_equal(np.asarray(read_image(form)), PIXELS) for form in forms)


def test_text_is_never_a_path(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(Image.fromarray(PIXELS)))
    for text in (str(path), "/etc/passwd", "file:///etc/passwd", "http://localhost/a.png"):
        with pytest.raises(ValueError, match="must be base64"):
            read_image(text)


def test_camera_rotation_is_applied():
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    assert np.asarray(read_image(png(image, exif=exif), channels=1)).tolist() == [[0], [255]]


def test_sixteen_bits_are_scaled_and_not_clipped():
    image = Image.fromarray(np.array([[0, 257, 32896, 65535]], dtype=np.uint16))
    assert np.asarray(read_image(png(image), channels=1)).tolist() == [[0, 1, 128, 255]]


def test_transparency_lies_over_white():
    drawing = np.zeros((1, 2, 4), dtype=np.uint8)
    drawing[0, 0, 3] = 255  # one black stroke on a transparent sheet
    assert np.asarray(read_image(png(Image.fromarray(drawing)), channels=1)).tolist() == [[0, 255]]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_colour_or_grey(mode):
    image = Image.new(mode, (3, 2))
    assert read_image(image).mode == "RGB" and read_image(image, channels=1).mode == "L"


def test_a_bomb_is_refused_before_it_is_decoded():
    with pytest.raises(ValueError, match=r"3600000000 pixels.*exceeds limit"):
        read_image(bomb(60_000, 60_000))
    with pytest.raises(ValueError, match="5 x 5 pixels; the limit is 24"):
        read_image(png(Image.new("L", (5, 5))), max_pixels=24)
    with pytest.raises(ValueError, match="5 x 5 pixels"):
        read_image(png(Image.new("L", (5, 5))), max_pixels=24, target=(2, 2))


def test_too_many_bytes_are_refused_in_every_form(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(b"x" * 101)
    for form in (path, b"x" * 101, base64.b64encode(b"x" * 120).decode()):
        with pytest.raises(ValueError, match="the limit is 100"):
            read_image(form, max_bytes=100)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_picture_is_named(tmp_path, data):
    path = tmp_path / "odd.png"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"odd\.png"):
        read_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_never_raise_anything_but_a_value_error(data):
    """Hostile: cut and flipped files give a picture or a ValueError."""
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"]))
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind)
    raw = bytearray(buffer.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[place] ^= data.draw(st.integers(1, 255))
    raw = raw[: data.draw(st.integers(0, len(raw)))]
    assert outcome(bytes(raw)) in ("RGB", "refused")


def outcome(raw: bytes) -> str:
    try:
        return read_image(raw, max_pixels=10_000).mode
    except ValueError as error:
        return "refused" if "picture" in str(error) else str(error)


def test_a_missing_file_and_other_types_say_what_is_expected():
    with pytest.raises(ValueError, match=r"nowhere\.png' cannot be read"):
        read_image(Path("nowhere.png"))
    with pytest.raises(TypeError, match="Path, bytes, base64"):
        read_image(3)


@pytest.mark.parametrize(
    ("array", "words"), [(np.zeros((4, 4)), "uint8"), (np.zeros((2, 4, 5), np.uint8), "shape"), (np.zeros((0, 4), np.uint8), "shape")]
)
def test_wrong_arrays_are_named(array, words):
    with pytest.raises(ValueError, match=words):
        read_image(array)


@pytest.mark.parametrize(("orientation", "upright"), [(1, (300, 400)), (6, (400, 300))])
def test_the_needed_size_is_asked_for_the_upright_picture(orientation, upright):
    exif, buffer, asked = Image.Exif(), io.BytesIO(), []
    exif[0x0112] = orientation
    Image.new("L", (400, 300)).save(buffer, "JPEG", exif=exif)
    image = read_image(buffer.getvalue(), target=lambda *size: (asked.append(size), (30, 30))[1])
    assert asked == [upright] and (image.height, image.width) == (upright[0] // 4, upright[1] // 4)


def test_an_image_that_needs_no_change_is_not_copied():
    image = Image.fromarray(PIXELS)
    assert read_image(image) is image and read_image(image, channels=1) is not image and image.mode == "RGB"
