"""Packed files: what goes in comes out, within a bound, and damage is named."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pytest

from weft.data.files.compressed import check_frames, extra, open_bounded

TEXT = b"".join(b"line %d of the text\n" % i for i in range(20_000))


def packed(kind: str, data: bytes = TEXT) -> bytes:
    if kind == ".zst":
        return pytest.importorskip("zstandard").ZstdCompressor(write_checksum=True).compress(data)
    if kind == ".lz4":
        return pytest.importorskip("lz4.frame").compress(data)
    return {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[kind](data)


@pytest.mark.parametrize("kind", [".gz", ".bz2", ".xz", ".zst", ".lz4"])
def test_unpacked_is_what_was_packed(tmp_path, kind):
    """Property: open_bounded gives back the bytes, also of two frames one after the other, and stops at the limit."""
    file = tmp_path / f"a.txt{kind}"
    file.write_bytes(packed(kind) + packed(kind, b"and more"))
    with open_bounded(file) as stream:
        assert stream.read() == TEXT + b"and more"
    with open_bounded(file) as stream:
        assert next(stream) == b"line 0 of the text\n"
    with open_bounded(file, max_bytes=1000) as stream, pytest.raises(ValueError, match=r"a\.txt.*more than 1,000"):
        stream.read()


@pytest.mark.parametrize("kind", [".gz", ".bz2", ".xz", ".zst", ".lz4"])
@pytest.mark.parametrize("cut", [0.3, 0.99])
def test_a_file_cut_short_is_named(tmp_path, kind, cut):
    file = tmp_path / f"b.txt{kind}"
    whole = packed(kind)
    file.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(ValueError, match=r"b\.txt"):
        open_bounded(file).read()


def test_the_first_bytes_say_what_it_is(tmp_path):
    (tmp_path / "a.gz").write_bytes(bz2.compress(b"hello"))
    assert open_bounded(tmp_path / "a.gz").read() == b"hello"
    (tmp_path / "b.gz").write_bytes(b"hello")
    with pytest.raises(ValueError, match="as no packed file does"):
        open_bounded(tmp_path / "b.gz")
    (tmp_path / "c.txt").write_bytes(b"plain")
    assert open_bounded(tmp_path / "c.txt").read() == b"plain"


def test_frames_to_skip_and_many_blocks_are_walked(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    file = tmp_path / "a.zst"
    frame = zstandard.ZstdCompressor().compress(bytes(300_000)) + zstandard.ZstdCompressor().compress(TEXT)
    file.write_bytes(b"\x50\x2a\x4d\x18\x03\0\0\0abc" + frame)
    check_frames(file)
    for cut in (1, 5, len(frame) // 2):
        file.write_bytes(frame[:-cut])
        with pytest.raises(ValueError, match="cut short"):
            check_frames(file)
    file.write_bytes(frame + b"garbage")
    with pytest.raises(ValueError, match="damaged at byte"):
        check_frames(file)


def test_an_absent_package_is_said():
    with pytest.raises(ValueError, match=r"pip install 'weft\[files\]'"):
        extra("no_such_package_as_this")
