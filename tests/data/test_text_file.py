"""Text files: UTF-8, limits that count unpacked bytes, and helpful errors."""

from __future__ import annotations

import gzip

import pytest

from weft.data.text_file import existing, read_bytes, read_text


def test_plain_and_packed_text_read_the_same(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffGrüße\r\n".encode())
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress("Grüße\r\n".encode()))
    assert read_text(tmp_path / "a.txt") == read_text(tmp_path / "a.txt.gz") == "Grüße\r\n"


def test_a_small_archive_of_much_is_stopped_at_the_limit(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"\0" * 10_000_000))
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        read_bytes(tmp_path / "bomb.gz", 1000)
    assert len(read_bytes(tmp_path / "bomb.gz", 10_000_000)) == 10_000_000


BROKEN = {"not one": b"no archive", "cut": gzip.compress(b"hello" * 100)[:-12], "spoilt": gzip.compress(b"hello")[:12] + b"\xff" * 20}


# named, because an archive holds the time at which it was made: workers that collect at different seconds would disagree about its bytes
@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_is_named(tmp_path, data):
    (tmp_path / "odd.gz").write_bytes(data)
    with pytest.raises(ValueError, match=r"odd\.gz' is not a whole gzip"):
        read_bytes(tmp_path / "odd.gz")


def test_what_is_not_utf8_is_located(tmp_path):
    (tmp_path / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    with pytest.raises(ValueError, match=r"byte 0xfc at position 2"):
        read_text(tmp_path / "latin.txt")


def test_a_missing_file_has_neighbours(tmp_path):
    (tmp_path / "data.csv").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"Did you mean 'data\.csv'"):
        existing(tmp_path / "data.tsv")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        existing(tmp_path / "no" / "[x].csv")
    with pytest.raises(FileNotFoundError, match=r"Give a list: sorted"):
        existing(tmp_path / "*.csv")
    with pytest.raises(ValueError, match="is a folder"):
        existing(tmp_path)
