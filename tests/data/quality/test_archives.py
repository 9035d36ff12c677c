"""Tar files: what Python writes is read, and what is broken or hostile is named."""

from __future__ import annotations

import io
import tarfile

import pytest

from weft.data.quality.archives import BLOCK, is_inside, members
from weft.data.quality.findings import Problems


def write(path, items, mode="w", form=tarfile.GNU_FORMAT):
    with tarfile.open(path, mode, format=form) as archive:
        for name, data in items.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def read(path):
    found = Problems()
    return dict(members(path, found, path.name)), [(problem.kind, problem.message) for problem in found]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_members_equal_those_that_tarfile_wrote(tmp_path, form, mode):
    """Parity with tarfile, long and foreign names included."""
    long = "folder" * 15 + "/" + "name" * 20 + ".txt"
    items = {"a.txt": b"hi", "empty": b"", "b/c.bin": bytes(range(256)) * 9, long: b"long", **({} if form == tarfile.USTAR_FORMAT else {"日本/ü.txt": b"x" * 512, "n" * 300: b"1"})}
    assert read(write(tmp_path / "a.tar", items, mode, form)) == (items, [])


def test_an_archive_that_is_cut_is_named_and_read_up_to_there(tmp_path):
    path = write(tmp_path / "a.tar", {f"{i}.txt": b"x" * 700 for i in range(5)})
    data = path.read_bytes()
    path.write_bytes(data[: 2 * 3 * BLOCK + BLOCK + 100])  # each member has a header and two blocks
    found, problems = read(path)
    assert list(found) == ["0.txt", "1.txt"] and problems[0][0] == "unreadable" and "'2.txt' is cut short" in problems[0][1]
    path.write_bytes(data[: 3 * 3 * BLOCK])
    assert read(path)[1] == [("unreadable", f"the end is missing at byte {9 * BLOCK:,}; what follows is not read")]


def test_a_damaged_header_is_no_silent_end(tmp_path):
    path = write(tmp_path / "a.tar", {f"{i}.txt": b"x" for i in range(3)})
    data = bytearray(path.read_bytes())
    data[2 * BLOCK + 5] ^= 1
    path.write_bytes(data)
    found, problems = read(path)
    assert list(found) == ["0.txt"] and problems == [("unreadable", f"the header of a member is damaged at byte {2 * BLOCK:,}; what follows is not read")]


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_members_outside_the_folder_are_refused(tmp_path, name):
    found, problems = read(write(tmp_path / "a.tar", {name: b"x", "good.txt": b"y"}))
    assert list(found) == ["good.txt"] and problems[0][0] == "unsafe name" and not is_inside(name)


def test_links_and_huge_members_are_left_out(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(_folder())
    huge = tarfile.TarInfo("huge.txt")
    huge.size = 60_000_000_000
    data = path.read_bytes()[: 2 * BLOCK] + huge.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(data)
    found, problems = read(path)
    assert found == {} and [kind for kind, _ in problems] == ["not a file", "too large", "unreadable"]
    assert "'link.txt' is a link, which is not read" in problems[0][1]


def _folder():
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    return folder


def test_what_is_no_archive_is_named(tmp_path):
    for data in (b"", b"short", b"\x1f\x8b broken", b"x" * 2000):
        (tmp_path / "a.tar").write_bytes(data)
        found, problems = read(tmp_path / "a.tar")
        assert found == {} and [kind for kind, _ in problems] == ["unreadable"]
