"""Pictures: whole, constant, blurred, and hashes that copies share."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.data.quality.files import blurred, drawn, photo
from weft.data.quality.pictures import examine_picture, picture_hash, png_damage, sharpness


def kinds(data: bytes, name: str = "a.png") -> list[str]:
    return [problem.kind for problem in examine_picture(data, name).problems]


def apart(a: Image.Image, b: Image.Image) -> int:
    return int(np.unpackbits(np.frombuffer(picture_hash(a), np.uint8) ^ np.frombuffer(picture_hash(b), np.uint8)).sum())


def test_a_good_picture_has_no_problem():
    for form, name in (("PNG", "a.png"), ("JPEG", "a.JPG"), ("WEBP", "a.webp"), ("BMP", "a.bmp"), ("GIF", "a.gif"), ("TIFF", "a.tif")):
        examined = examine_picture(drawn(photo(1), form), name)
        assert examined.problems == () and (examined.measures["width"], examined.measures["height"]) == (96, 72)
        assert examined.measures["format"] == form and len(examined.signature) == 32


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_cut_anywhere_is_unreadable(form):
    data = drawn(photo(2), form)
    for part in (0.05, 0.3, 0.7, 0.95):
        assert kinds(data[: int(len(data) * part)]) == ["unreadable"]
    assert kinds(b"") == ["empty"] and kinds(b"no picture at all") == ["unreadable"]


def test_every_changed_byte_of_a_png_is_noticed():
    """Property: chunks carry checksums, so that no flipped bit of them passes."""
    data = drawn(photo(3, (12, 9)))
    for place in range(0, len(data) - 4, 7):
        broken = bytearray(data)
        broken[place] ^= 0x10
        assert "unreadable" in kinds(bytes(broken)), place
    assert png_damage(data) == "" and "cut short" in png_damage(data[:-12])


def test_a_wrong_ending_is_said_and_the_picture_read():
    examined = examine_picture(drawn(photo(4), "JPEG"), "b.png")
    assert [str(problem) for problem in examined.problems] == ["b.png: ends in .png, but is JPEG"] and examined.signature is not None


def test_constant_and_blurred_pictures_are_found():
    assert kinds(drawn(Image.new("RGB", (64, 64), (9, 9, 9)))) == ["constant"]
    assert kinds(drawn(blurred(photo(5, (256, 192))))) == ["blurred"]
    assert examine_picture(drawn(Image.new("L", (64, 64))), "a.png").signature is None  # all constant ones would be alike


def test_sharpness_falls_with_blur_and_contrast_does_not_count():
    picture = photo(6, (256, 192))
    faint = Image.fromarray((np.asarray(picture) // 4 + 90).astype(np.uint8))
    assert sharpness(blurred(picture)) < 0.1 * sharpness(picture) and sharpness(faint) == pytest.approx(sharpness(picture), rel=0.2)


def test_copies_share_their_hash_nearly_and_others_do_not():
    picture = photo(7, (200, 150))
    again = Image.open(io.BytesIO(drawn(picture, "JPEG", quality=40)))
    assert max(apart(picture, again), apart(picture, picture.resize((100, 75))), apart(picture, picture.point(lambda v: int(v * 0.8)))) <= 16
    assert min(apart(photo(i), photo(j)) for i in range(8) for j in range(i)) > 60


def test_too_many_pixels_are_refused_before_decoding():
    header = drawn(Image.new("1", (8, 8)), "BMP")
    huge = header[:18] + (60_000).to_bytes(4, "little") + (60_000).to_bytes(4, "little") + header[26:]
    (problem,) = examine_picture(huge, "a.bmp").problems
    assert problem.kind == "unreadable" and "pixel" in problem.message.lower()
