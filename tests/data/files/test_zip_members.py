"""Zip archives read in place; hostile members refused."""

from __future__ import annotations

import pickle
import struct
import zipfile

import pytest

from weft.data.files.zip_members import ZipMembers


def archive(path, *members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data, attributes in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = attributes << 16, compression
            file.writestr(info, data)
    return path


def test_members_are_read_in_place(tmp_path):
    members = ZipMembers(archive(tmp_path / "a.zip", ("b/c.txt", b"hello", 0o100644), ("b/", b"", 0o40755), ("a.txt", b"x" * 1000, 0)))
    assert members.names == ["a.txt", "b/c.txt"] and members.read("b/c.txt") == b"hello"
    assert pickle.loads(pickle.dumps(members)).read("a.txt") == b"x" * 1000
    assert list(tmp_path.iterdir()) == [tmp_path / "a.zip"]
    with pytest.raises(ValueError, match=r"a\.zip.*'none' is not there"):
        members.read("none")


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [("../x", 0, "leads out"), ("a/../../x", 0, "leads out"), ("/etc/x", 0, "leads out"), ("C:/x", 0, "leads out"), ("link", 0o120777, "a link or a device"), ("pipe", 0o010644, "a link or a device")],
)
def test_hostile_members_are_refused(tmp_path, name, mode, words):
    """Hostile: names that lead out, links, pipes."""
    with pytest.raises(ValueError, match=words):
        ZipMembers(archive(tmp_path / "a.zip", ("ok", b"x", 0), (name, b"/etc/passwd", mode))).read("ok")


def test_bombs_are_stopped_before_and_while_they_unpack(tmp_path):
    """Hostile: a member too large by its header, all together too large, and a header that lies."""
    path = archive(tmp_path / "a.zip", ("zeros", bytes(10**6), 0), ("more", bytes(10**6), 0))
    with pytest.raises(ValueError, match="'zeros' unpacks to 1,000,000 bytes; the limit is 999,999"):
        assert ZipMembers(path, max_bytes=999_999).names
    with pytest.raises(ValueError, match="unpacks to 2,000,000 bytes"):
        assert ZipMembers(path, max_total=1_999_999).names
    data = path.read_bytes().replace(struct.pack("<I", 10**6), struct.pack("<I", 10))
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged|more than"):
        assert len(ZipMembers(path, max_bytes=100).read("zeros")) <= 100


def test_damage_locks_and_doubles_are_named(tmp_path):
    path = archive(tmp_path / "a.zip", ("a", b"hello hello hello", 0))
    data = bytearray(path.read_bytes())
    data[32] ^= 255
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(ValueError, match=r"b\.zip.*'a' is damaged"):
        ZipMembers(tmp_path / "b.zip").read("a")
    (tmp_path / "c.zip").write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"c\.zip.*not a whole zip"):
        assert ZipMembers(tmp_path / "c.zip").names
    locked = bytearray(path.read_bytes())
    locked[locked.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(locked)
    with pytest.raises(ValueError, match="locked"):
        assert ZipMembers(path).names
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive(tmp_path / "d.zip", ("a", b"x", 0), ("a", b"y", 0))
    with pytest.raises(ValueError, match="stands there twice"):
        assert ZipMembers(twice).names
