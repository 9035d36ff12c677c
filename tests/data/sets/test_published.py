"""Fetching: mirror, cache, publisher, each checked."""

from __future__ import annotations

import hashlib
import io
import urllib.error

import pytest

from weft.data.sets import published
from weft.data.sets.published import FILES, Published, fetch, receive

TEXT = b"hello world"
RIGHT = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def hello(monkeypatch, tmp_path):
    monkeypatch.setitem(FILES, "hello", Published("https://example.org/data", {"a.txt": RIGHT}, "CC0"))
    monkeypatch.delenv("WEFT_MIRROR", raising=False)
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data" / "hello"


def test_without_mirror_and_cache_the_error_says_where_to_get_it(hello, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"WEFT_MIRROR, which is not set.*download=True.*https://raw\.githubusercontent"):
        fetch("tinyshakespeare")
    with pytest.raises(FileNotFoundError, match=r"published as loose files at https://github\.com/Shenggan.*BCCD\.zip"):
        fetch("bccd", download=True)
    with pytest.raises(ValueError, match="Did you mean 'mnist-10k'"):
        fetch("mnist-20k")


def test_the_mirror_comes_before_the_cache_and_both_are_checked(hello, monkeypatch, tmp_path):
    monkeypatch.setenv("WEFT_MIRROR", str(tmp_path / "mirror"))
    for folder in (hello, tmp_path / "mirror" / "hello"):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_bytes(TEXT)
        assert fetch("hello") == folder
    (tmp_path / "mirror" / "hello" / "a.txt").write_text("hello w0rld")
    with pytest.raises(ValueError, match="has SHA-256"):
        fetch("hello")


def test_a_download_is_kept_only_when_it_is_right(hello, monkeypatch):
    asked = []

    def sends(data):
        def open(address, timeout):
            asked.append(address)
            return io.BytesIO(data)

        return lambda address, path, expected: receive(address, path, expected, max_bytes=100, open=open)

    monkeypatch.setattr(published, "receive", sends(b"hello w0rld"))
    with pytest.raises(ValueError, match="has SHA-256"):
        fetch("hello", download=True)
    monkeypatch.setattr(published, "receive", sends(TEXT * 100))
    with pytest.raises(ValueError, match="more than 100 bytes"):
        fetch("hello", download=True)
    assert list(hello.iterdir()) == []
    monkeypatch.setattr(published, "receive", sends(TEXT))
    assert (fetch("hello", download=True) / "a.txt").read_bytes() == TEXT
    assert fetch("hello") == hello and [file.name for file in hello.iterdir()] == ["a.txt"]
    assert asked == ["https://example.org/data/a.txt"] * 3


def test_without_a_network_the_error_says_what_to_do(tmp_path):
    def offline(address, timeout):
        raise urllib.error.URLError("no route")

    with pytest.raises(ConnectionError, match=r"cannot be reached.*put the file into"):
        receive("https://example.org/a", tmp_path / "a", RIGHT, open=offline)
    with pytest.raises(ValueError, match="no address of the web"):
        receive("file:///etc/passwd", tmp_path / "a", RIGHT)
    assert not (tmp_path / "a").exists()


def test_every_set_has_addresses_checksums_and_a_licence():
    for name, entry in FILES.items():
        assert entry.address.startswith("http") and entry.licence and entry.sums, name
        for sums in entry.sums.values():
            for value in (sums,) if isinstance(sums, str) else sums:
                assert len(value) == 64 and set(value) <= set("0123456789abcdef"), name
