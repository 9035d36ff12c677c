"""Hostile input: every byte of the container counts, and what is no bundle is named."""

from __future__ import annotations

import stat
import zipfile

import pytest

from tests.serve.conftest import OWN, RECORDS, contents
from weft.serve import archive
from weft.serve.archive import Archive, BundleError, describe, write
from weft.serve.bundle import Bundle


def test_any_zip_tool_reads_a_bundle(saved):
    with zipfile.ZipFile(saved) as listing:
        assert listing.testzip() is None
        assert listing.namelist()[0] == "manifest.json"
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in listing.infolist())


def test_large_members_are_laid_out_as_zip64(tmp_path, monkeypatch):
    """Contract: the layout past 4 GiB, tried with a limit of 2,000 bytes and read back by our reader."""
    monkeypatch.setattr(archive, "ZIP64", 2000)
    data = {"a.safetensors": b"x" * 9000, "b.md": b"y" * 10, "c.json": b"{}"}
    manifest = {"format": archive.FORMAT, "version": list(archive.VERSION), "members": [describe(n, d) for n, d in data.items()]}
    write(tmp_path / "large", manifest, data)
    assert contents(tmp_path / "large")[1] == data
    pieces = archive.layout([("a.safetensors", 9000, 0), ("b.md", 10, 0)])
    monkeypatch.setattr(archive, "ZIP64", 0xFFFFFFFF)
    big = archive.layout([("a.safetensors", 1 << 33, 0), ("b.md", 10, 0)])
    assert len(pieces[0][1]) == len(big[0][1]) and len(pieces[-1][1]) == len(big[-1][1])
    sparse = tmp_path / "sparse.zip"
    with open(sparse, "wb") as file:  # 8 GiB of nothing on disk: does the standard library find both members?
        for offset, piece in big:
            file.seek(offset)
            file.write(piece)
    with zipfile.ZipFile(sparse) as listing:
        assert [(e.filename, e.file_size) for e in listing.infolist()] == [("a.safetensors", 1 << 33), ("b.md", 10)]
        assert listing.getinfo("b.md").header_offset == big[1][0]


def test_every_single_byte_of_the_structure_counts(saved, tmp_path):
    """Contract: each byte outside the members (headers, directory, dates, flags) is checked, one by one."""
    good, copy = saved.read_bytes(), tmp_path / "copy.weft"
    with Archive(saved) as opened:
        plan = archive._plan(opened.raw, opened.manifest)
    for offset, piece in plan:
        for at in range(offset, offset + len(piece)):
            data = bytearray(good)
            data[at] ^= 0x10
            copy.write_bytes(data)
            with pytest.raises(BundleError):
                Archive(copy)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/passwd", "..\\outside.json", "C:\\outside.json", "a/../../b.md"])
def test_a_path_outside_is_refused(saved, tmp_path, name):
    evil = tmp_path / "inside" / "evil.weft"
    evil.parent.mkdir()
    evil.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(evil, "a") as target:
        target.writestr(name, b"{}")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(BundleError, match="path outside itself"):
        Bundle.open(evil, own=OWN)
    assert set(tmp_path.rglob("*")) == before


def test_links_duplicates_bombs_and_strangers_are_named(saved, tmp_path):
    def evil(name, data, mode=0o644, compress=zipfile.ZIP_STORED):
        path = tmp_path / "evil.weft"
        path.write_bytes(saved.read_bytes())
        entry = zipfile.ZipInfo(name)
        entry.external_attr, entry.compress_type = mode << 16, compress
        with zipfile.ZipFile(path, "a") as target:
            target.writestr(entry, data)
        return path

    with pytest.raises(BundleError, match="holds a link"):
        Bundle.open(evil("card_link.md", b"/etc/passwd", stat.S_IFLNK | 0o777))
    with pytest.warns(UserWarning, match="Duplicate name"), pytest.raises(BundleError, match="more than once"):
        Bundle.open(evil("spec.json", b"{}"))
    with pytest.raises(BundleError, match="more than the file is"):
        Bundle.open(evil("big.json", b" " * 50_000_000, compress=zipfile.ZIP_DEFLATED))
    with pytest.raises(BundleError, match=r"'setup.py', which no bundle holds"):
        Bundle.open(evil("setup.py", b"print()"))


@pytest.mark.parametrize("name", ["../x.json", "x.pkl", "x.pt", "X.json", "a/b.json", "manifest.json", "x.safetensors.py", ""])
def test_the_manifest_cannot_list_what_a_bundle_cannot_hold(saved, tmp_path, name):
    """Hostile input: a member of that name with all checksums right."""
    manifest, members = contents(saved)
    line = {**describe("card.md", b"x"), "name": name}
    write(tmp_path / "evil", {**manifest, "members": [*manifest["members"], line]}, {**members, name: b"x"})
    with pytest.raises(BundleError):
        Bundle.open(tmp_path / "evil", own=OWN)


def test_versions(saved, tmp_path, monkeypatch):
    """Contract: the last two minor versions open; newer, older and nonsense are refused with what to do."""

    manifest, members = contents(saved)

    def versioned(version):
        write(tmp_path / "versioned", {**manifest, "version": version}, members, replace=True)
        return tmp_path / "versioned"

    monkeypatch.setattr(archive, "VERSION", (1, 4))
    for good in ([1, 4], [1, 3]):
        assert Bundle.open(versioned(good), own=OWN).predict(RECORDS[:1])
    for newer in ([1, 5], [2, 0]):
        with pytest.raises(BundleError, match="Upgrade weft"):
            Bundle.open(versioned(newer), own=OWN)
    for older in ([1, 2], [0, 9]):
        with pytest.raises(BundleError, match="save it again"):
            Bundle.open(versioned(older), own=OWN)
    for nonsense in ("1.0", [1], [1, -1], [True, 0], None):
        with pytest.raises(BundleError, match="two whole numbers"):
            Bundle.open(versioned(nonsense), own=OWN)


def test_bytes_after_the_end_are_refused(saved, tmp_path):
    (tmp_path / "more").write_bytes(saved.read_bytes() + b"\x80\x04K\x01.")
    with pytest.raises(BundleError, match="5 bytes more than its manifest lists"):
        Archive(tmp_path / "more")
