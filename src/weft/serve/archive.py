"""The container of a bundle: a ZIP file in which every byte follows from its manifest.

The manifest comes first and lists every member with size, CRC and SHA-256. From that list the whole file is known but for
the members' contents: where each header lies and what it says. The reader therefore parses no ZIP structure that a stranger
wrote; it computes the only layout there can be and compares. A second member of the same name, a path outside the bundle,
a link, a compressed bomb or a flipped byte in a header are all the same thing: a byte that should not be there.
Members are stored, not compressed, so any ZIP tool can read them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = "weft bundle"
VERSION = (1, 0)  # (major, minor); the last two minors of the same major open
MANIFEST = "manifest.json"
MANIFEST_BYTES = 1 << 20
ZIP64 = 0xFFFFFFFF
CHUNK = 1 << 20
NAMES = re.compile(r"[a-z][a-z0-9_]{0,63}\.(safetensors|json|md)")
KINDS = {"safetensors": "weights", "json": "json", "md": "markdown"}
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin", ".joblib", ".npy", ".npz")


class BundleError(ValueError):
    """A bundle that is not opened or not written, and why."""


def canonical(value: Any) -> bytes:
    """The one way that a JSON value is written, so that equal values are equal bytes."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False).encode("ascii")


def parse(data: bytes, name: str) -> dict[str, Any]:
    """Read a JSON object; whatever is wrong with it is a ``BundleError`` that names the member."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{name} is not valid JSON ({error}). The bundle is damaged; copy it again from where it came.") from error
    if not isinstance(value, dict):
        raise BundleError(f"{name} holds a {type(value).__name__}; expected a JSON object.")
    return value


def describe(name: str, data: bytes) -> dict[str, Any]:
    """A member's line in the manifest."""
    return {
        "name": name,
        "kind": KINDS[name.rpartition(".")[2]],
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "crc32": zlib.crc32(data),
    }


def seal(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with the checksum of everything else in it."""
    body = {key: value for key, value in manifest.items() if key != "checksum"}
    return body | {"checksum": hashlib.sha256(canonical(body)).hexdigest()}


def layout(members: Iterable[tuple[str, int, int]]) -> list[tuple[int, bytes]]:
    """The structural bytes of the archive as (offset, bytes): a header before each member (name, size, crc), then the directory."""
    pieces, directory, at = [], b"", 0
    for name, size, crc in members:
        raw, big, far = name.encode("ascii"), size >= ZIP64, at >= ZIP64
        needs = 45 if big or far else 20
        shown = ZIP64 if big else size
        extra = struct.pack("<HHQQ", 1, 16, size, size) if big else b""
        common = struct.pack("<HHHHHIIIHH", needs, 0, 0, 0, 0x21, crc, 0xFFFFFFFF & shown, 0xFFFFFFFF & shown, len(raw), 0)
        local = b"PK\x03\x04" + common[:-2] + struct.pack("<H", len(extra)) + raw + extra
        wide = (struct.pack("<QQ", size, size) if big else b"") + (struct.pack("<Q", at) if far else b"")
        wide = struct.pack("<HH", 1, len(wide)) + wide if wide else b""
        directory += b"PK\x01\x02" + struct.pack("<H", (3 << 8) | 45) + common[:-2] + struct.pack("<H", len(wide))
        directory += struct.pack("<HHHII", 0, 0, 0, (stat.S_IFREG | 0o644) << 16, ZIP64 if far else at) + raw + wide
        pieces.append((at, local))
        at += len(local) + size
    count, start = len(pieces), at
    end = b""
    if start >= ZIP64:
        end += b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, (3 << 8) | 45, 45, 0, 0, count, count, len(directory), start)
        end += b"PK\x06\x07" + struct.pack("<IQI", 0, start + len(directory), 1)
    end += b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), min(start, ZIP64), 0)
    return [*pieces, (start, directory + end)]


def _plan(raw: bytes, manifest: Mapping[str, Any]) -> list[tuple[int, bytes]]:
    listed = [(member["name"], member["size"], member["crc32"]) for member in manifest["members"]]
    return layout([(MANIFEST, len(raw), zlib.crc32(raw)), *listed])


def write(path: Path, manifest: Mapping[str, Any], contents: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a bundle so that ``path`` is either untouched or whole: aside, to disk, then renamed."""
    if path.is_dir():
        raise BundleError(f"{path} is a directory; a bundle is one file. Give a file name such as {path / 'model.weft'}.")
    if path.exists() and not replace:
        raise FileExistsError(f"{path} exists and would be overwritten. Choose another name, or say replace=True.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"The folder {path.parent} does not exist. Make it first, or choose another path.")
    raw = canonical(seal(manifest))
    bodies = [raw, *(contents[member["name"]] for member in manifest["members"]), b""]
    aside = path.parent / f".{path.name}.{secrets.token_hex(6)}.tmp"
    try:
        with open(aside, "xb") as file:
            for (_, head), body in zip(_plan(raw, manifest), bodies, strict=True):
                file.write(head)
                file.write(body)
            file.flush()
            os.fsync(file.fileno())
        if not replace and path.exists():
            raise FileExistsError(f"{path} appeared while the bundle was written. Choose another name, or say replace=True.")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Make the rename itself durable, where the system can open folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Archive:
    """An open bundle file whose manifest and layout are checked; ``read`` checks each member.

    Raises ``BundleError`` when the file is truncated, corrupted, newer, packed by another tool, or lists what a bundle cannot hold.
    """

    def __init__(self, path: Path):
        if path.is_dir():
            raise BundleError(f"{path} is a directory; a bundle is one file, as written by Bundle.save.")
        if not path.is_file():
            raise FileNotFoundError(f"There is no bundle at {path}.")
        self.path, self.file = path, open(path, "rb")  # noqa: SIM115 - closed by close()
        try:
            self.raw = _first(self.file, path)
            self.manifest = _manifest(self.raw, path)
            self.at = _places(self.file, path, self.raw, self.manifest)
        except BaseException:
            self.file.close()
            raise
        self.members = {member["name"]: member for member in self.manifest["members"]}

    def read(self, name: str) -> bytes:
        """A member's bytes, whose SHA-256 is the manifest's."""
        if name not in self.members:
            raise BundleError(f"{self.path} has no {name}; it holds {', '.join(sorted(self.members))}.")
        member = self.members[name]
        self.file.seek(self.at[name])
        data = self.file.read(member["size"])
        if hashlib.sha256(data).hexdigest() != member["sha256"] or zlib.crc32(data) != member["crc32"]:
            raise BundleError(f"{name} in {self.path} is corrupted: its checksum differs from the manifest's. Copy the bundle again.")
        return data

    def close(self) -> None:
        self.file.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _first(file: BinaryIO, path: Path) -> bytes:
    """The manifest's bytes, found without trusting any length but its own, which is bounded."""
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise BundleError(f"{path} is not a bundle. {_what(path)}")
    size = struct.unpack("<I", head[18:22])[0]
    if size > MANIFEST_BYTES or file.read(len(MANIFEST)) != MANIFEST.encode():
        raise BundleError(f"{path} is not a bundle as weft writes it. {_what(path)}")
    raw = file.read(size)
    if len(raw) < size:
        raise BundleError(f"{path} is truncated: it ends within its manifest. Copy it again from where it came.")
    return raw


def _manifest(raw: bytes, path: Path) -> dict[str, Any]:
    manifest = parse(raw, MANIFEST)
    sealed = isinstance(manifest.get("checksum"), str) and _same(seal, manifest)
    if not sealed or _bytes(manifest) != raw:
        raise BundleError(f"The manifest of {path} is corrupted: its checksum does not hold. Copy the bundle again from where it came.")
    if manifest.get("format") != FORMAT:
        raise BundleError(f"{path} holds format {manifest.get('format')!r}; expected {FORMAT!r}.")
    _check_version(manifest.get("version"), path, str(manifest.get("weft", "another version")))
    members = manifest.get("members")
    if not isinstance(members, list) or not all(_well_formed(member) for member in members):
        raise BundleError(f"The manifest of {path} lists a member that a bundle cannot hold. {_what(path)}")
    names = [member["name"] for member in members]
    if len(set(names)) != len(names) or MANIFEST in names:
        raise BundleError(f"The manifest of {path} lists a name twice: {', '.join(names)}. It was not written by weft.")
    return manifest


def _same(function: Any, value: dict[str, Any]) -> bool:
    try:
        return function(value) == value
    except (ValueError, RecursionError):
        return False


def _bytes(value: Any) -> bytes:
    try:
        return canonical(value)
    except (ValueError, RecursionError):
        return b""


def _check_version(version: Any, path: Path, writer: str) -> None:
    if not (isinstance(version, list) and len(version) == 2 and all(type(part) is int and part >= 0 for part in version)):
        raise BundleError(f"{path} has format version {version!r}; expected two whole numbers such as {list(VERSION)}.")
    oldest = (VERSION[0], max(0, VERSION[1] - 1))
    came, here = ".".join(map(str, version)), ".".join(map(str, VERSION))
    if tuple(version) > VERSION:
        raise BundleError(f"{path} has format version {came}, written by weft {writer}; this weft opens up to {here}. Upgrade weft to open it.")
    if tuple(version) < oldest:
        raise BundleError(
            f"{path} has format version {came}, written by weft {writer}; this weft opens {'.'.join(map(str, oldest))} to {here}. "
            "Open it with the weft that wrote it, and save it again with one between."
        )


def _well_formed(member: Any) -> bool:
    if not isinstance(member, dict) or set(member) != {"name", "kind", "size", "sha256", "crc32"}:
        return False
    name, size, crc = member["name"], member["size"], member["crc32"]
    return (
        isinstance(name, str)
        and NAMES.fullmatch(name) is not None
        and member["kind"] == KINDS[name.rpartition(".")[2]]
        and type(size) is int
        and 0 <= size < 1 << 62
        and type(crc) is int
        and 0 <= crc <= 0xFFFFFFFF
        and isinstance(member["sha256"], str)
        and re.fullmatch("[0-9a-f]{64}", member["sha256"]) is not None
    )


def _places(file: BinaryIO, path: Path, raw: bytes, manifest: Mapping[str, Any]) -> dict[str, int]:
    """Where each member's content lies, after every structural byte of the file was compared with what it must be."""
    actual = os.fstat(file.fileno()).st_size
    listed = sum(member["size"] for member in manifest["members"])
    if listed > actual:
        raise BundleError(f"{path} is truncated: {actual:,} bytes, and its manifest lists {listed:,}. Copy it again from where it came.")
    plan = _plan(raw, manifest)
    expected = plan[-1][0] + len(plan[-1][1])
    if actual < expected:
        raise BundleError(f"{path} is truncated: {actual:,} bytes of {expected:,}. Copy it again from where it came.")
    for offset, piece in plan:
        file.seek(offset)
        if file.read(len(piece)) != piece:
            raise BundleError(f"{path} is corrupted: its structure differs from its manifest at byte {offset:,}. {_what(path)}")
    if actual > expected:
        raise BundleError(f"{path} has {actual - expected:,} bytes more than its manifest lists. {_what(path)}")
    return {member["name"]: offset + len(head) for member, (offset, head) in zip(manifest["members"], plan[1:-1], strict=True)}


def _what(path: Path) -> str:
    """For the message only: what a file that is no bundle seems to be. Reads names, never contents."""
    with open(path, "rb") as file:
        start = file.read(2)
        if start[:1] == b"\x80":
            return "It looks like a Python pickle, which can run code when it is opened; it was not opened. Save the model with Bundle.save."
        if os.fstat(file.fileno()).st_size > 64 * CHUNK:
            return "It was packed by another tool or damaged. Write it again with Bundle.save."
    try:
        with zipfile.ZipFile(path) as listing:
            entries = listing.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, struct.error, RecursionError, io.UnsupportedOperation):
        return "It is truncated, damaged or something else altogether. Copy it again from where it came."
    names = [entry.filename for entry in entries]
    outside = [n for n in names if n.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", n) or re.match("[A-Za-z]:", n)]
    links = [entry.filename for entry in entries if stat.S_ISLNK(entry.external_attr >> 16)]
    pickles = [n for n in names if n.lower().endswith(PICKLES)]
    declared = sum(entry.file_size for entry in entries)
    strange = [n for n in names if n != MANIFEST and not NAMES.fullmatch(n)]
    for found, said in (
        (outside, "It holds a path outside itself: {}. It was refused."),
        (links, "It holds a link: {}. It was refused."),
        (pickles, "It holds {}, which may be a pickle and can run code when it is opened; it was not opened."),
        ([n for n in names if names.count(n) > 1], "It holds {} more than once. It was refused.") if len(names) < 1000 else ([], ""),
        ([f"{declared:,} bytes"] if declared > os.path.getsize(path) else [], "It declares {} when unpacked, more than the file is. It was refused."),
        (strange, "It holds {}, which no bundle holds. It was refused."),
    ):
        if found:
            return said.format(repr(found[0]))
    return "It was packed by another tool, cut or damaged. Write it again with Bundle.save, or copy it again."
