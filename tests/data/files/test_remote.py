"""Files at an address: copied once, whole, checked, tried again."""

from __future__ import annotations

import hashlib

import pytest

from weft.data.files import remote
from weft.data.files.remote import cached, upload

fsspec = pytest.importorskip("fsspec")
TEXT = b"hello world" * 1000


@pytest.fixture
def address():
    with fsspec.open("memory://bucket/a.txt", "wb") as file:
        file.write(TEXT)
    return "memory://bucket/a.txt"


def test_a_copy_is_made_once_and_is_the_file(address, tmp_path):
    """Contract: cached copies memory:// and file:// addresses once; with a checksum a changed copy is made anew."""
    copy = cached(address, folder=tmp_path)
    assert copy.read_bytes() == TEXT and copy.name.endswith("-a.txt")
    with fsspec.open(address, "wb") as file:
        file.write(b"other")
    assert cached(address, folder=tmp_path) == copy and copy.read_bytes() == TEXT
    assert cached(address, folder=tmp_path, sha256=hashlib.sha256(b"other").hexdigest()).read_bytes() == b"other"
    (tmp_path / "b.txt").write_bytes(b"local")
    assert cached(f"file://{tmp_path}/b.txt", folder=tmp_path / "c").read_bytes() == b"local"


def test_what_is_uploaded_comes_back(tmp_path):
    (tmp_path / "x.bin").write_bytes(TEXT)
    upload(tmp_path / "x.bin", "memory://bucket/x.bin")
    assert cached("memory://bucket/x.bin", folder=tmp_path / "c", sha256=hashlib.sha256(TEXT).hexdigest()).read_bytes() == TEXT


def test_wrong_files_leave_nothing(address, tmp_path):
    for options, words in (({"sha256": "0" * 64}, "has SHA-256"), ({"max_bytes": 100}, "11,000 bytes; the limit is 100")):
        with pytest.raises(ValueError, match=words):
            cached(address, folder=tmp_path, **options)
    with pytest.raises(FileNotFoundError, match="no file at memory://bucket/none"):
        cached("memory://bucket/none", folder=tmp_path)
    for wrong in ("simplecache::memory://bucket/a.txt", "zip://a::file:///b.zip", "/etc/passwd", "nothing://x/y"):
        with pytest.raises(ValueError, match=r"no plain address|cannot be used"):
            cached(wrong, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_connection_is_tried_again(address, tmp_path, monkeypatch):
    waits, real = [], remote.copy
    failures = [OSError("reset"), TimeoutError("slow")]

    def copy(*given):
        if failures:
            raise failures.pop()
        real(*given)

    monkeypatch.setattr(remote, "copy", copy)
    assert cached(address, folder=tmp_path, sleep=waits.append).read_bytes() == TEXT and waits == [1, 2]
    failures += [OSError("reset")] * 9
    with pytest.raises(ConnectionError, match="tried 3 times: reset"):
        cached(address, folder=tmp_path / "other", retries=2, sleep=waits.append)


def test_a_stream_cut_short_is_no_file(tmp_path):
    class Short:
        def info(self, path):
            return {"size": 100}

        def open(self, path, mode):
            return fsspec.filesystem("memory").open("bucket/short", "rb")

    with fsspec.open("memory://bucket/short", "wb") as file:
        file.write(b"x" * 60)
    with pytest.raises(OSError, match="60 of 100 bytes came"):
        remote.copy(Short(), "bucket/short", tmp_path / "a", 1000)
