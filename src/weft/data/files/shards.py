"""Tar shards: records as neighbouring members of plain tar files, as WebDataset has them."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from weft.data.contracts import Record
from weft.data.files.compressed import PACKED, open_bounded
from weft.data.files.memory_map import tensor_of
from weft.data.files.per_process import PerProcess
from weft.data.loading.flow import Chain
from weft.data.text_file import existing

MAX_MEMBER = 200_000_000
MAX_SHARD = 100_000_000_000


class TarShards:
    """Records of tar shards by number: members ``a/0001.jpg`` and ``a/0001.cls`` next to each other are one record ``{"jpg": …, "cls": …}``.

    ``.txt`` becomes text, ``.json`` its value, ``.cls`` a number, ``.npy`` a tensor; pictures, sound and anything else stay bytes, which codecs
    read. ``names`` renames and chooses: ``{"image": ["jpg", "png"], "label": "cls"}``. The place of every member is found once in each process,
    from the headers alone; the pickled source is its paths.
    Nothing is unpacked to the disk. Links, devices, sparse files, names that lead out, members above ``max_bytes`` raise ValueError naming
    shard and member, as do shards that are cut short and members that do not decode.

    Use when shards must be read at random; instead of it, ``tar_flow`` from front to back, also of packed shards. Cost: one pass over the headers.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with TarWriter(folder) as writer:
    ...     writer.add("a", {"txt": "hello", "cls": 1})
    >>> TarShards([folder / "shard-000000.tar"])[0]
    {'txt': 'hello', 'cls': 1}
    """

    def __init__(
        self, paths: str | Path | Sequence[str | Path], names: Mapping[str, str | Sequence[str]] | None = None, *, max_bytes: int = MAX_MEMBER
    ) -> None:
        self.paths = [existing(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
        for path in self.paths:
            if path.suffix.lower() in PACKED or path.suffix.lower() == ".tgz":
                raise ValueError(f"{str(path)!r} is packed and can only be read from front to back: use tar_flow, or unpack it")
        self.names, self.max_bytes = names_of(names), max_bytes
        self._index = PerProcess(indexed, self.paths, max_bytes)
        if not len(self):
            raise ValueError(f"The shards {[str(path) for path in self.paths][:3]} hold no records")

    def __len__(self) -> int:
        return len(self._index())

    def __getitem__(self, i: int) -> Record:
        path, key, members = self._index()[i]
        with path.open("rb") as file:
            data = {}
            for ending, (offset, size) in members.items():
                file.seek(offset)
                data[ending] = file.read(size)
        return record_of(data, self.names, f"{str(path)!r}, record {key!r}")

    def key(self, i: int) -> str:
        """The members' common name."""
        return self._index()[i][1]


@dataclass(frozen=True)
class OpenShard:
    """Reads the records of one shard from front to back."""

    names: Mapping[str, tuple[str, ...]]
    max_bytes: int
    unreadable: str

    def __call__(self, path: Path) -> Iterator[Record]:
        with open_bounded(path, MAX_SHARD) as file:
            try:
                with tarfile.open(fileobj=file, mode="r|") as tar:
                    for key, data in grouped(whole(tar, path, self.max_bytes), path):
                        try:
                            record = record_of(data, self.names, f"{str(path)!r}, record {key!r}")
                        except ValueError:
                            if self.unreadable == "stop":
                                raise
                            continue
                        yield record
            except (tarfile.TarError, EOFError) as error:
                raise ValueError(f"{str(path)!r} is not a whole tar file: {error}") from error


def tar_flow(
    paths: str | Path | Sequence[str | Path], names: Mapping[str, str | Sequence[str]] | None = None, *,
    shuffle: bool = False, seed: int = 0, max_bytes: int = MAX_MEMBER, unreadable: str = "stop",
) -> Chain:  # fmt: skip
    """A flow over tar shards, packed ones (``.gz``, ``.zst``, …) too, from front to back; ``shuffle`` mixes the order of the shards.

    Records, ``names`` and what is refused are those of ``TarShards``. ``unreadable="skip"`` leaves out records that do not decode.

    Use when shards are many and large; ``FlowLoader(shuffle=…)`` mixes the records. Cost: one record in memory.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with TarWriter(folder) as writer:
    ...     writer.add("a", {"txt": "hello", "cls": 1})
    >>> list(tar_flow(folder / "shard-000000.tar"))
    [{'txt': 'hello', 'cls': 1}]
    """
    if unreadable not in ("stop", "skip"):
        raise ValueError(f"unreadable={unreadable!r}; expected 'stop' or 'skip'")
    files = [existing(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    return Chain(files, OpenShard(names_of(names), max_bytes, unreadable), shuffle=shuffle, seed=seed)


def names_of(names: Mapping[str, str | Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """Each name of the record with the endings it may come from."""
    return {name: (endings,) if isinstance(endings, str) else tuple(endings) for name, endings in (names or {}).items()}


def check_member(member: tarfile.TarInfo, path: Path, max_bytes: int) -> bool:
    """Whether a member is a file of a record (folders are not); raises ValueError for one that must not be read."""
    name = member.name
    if member.isdir():
        return False
    if not member.isreg() or member.issparse():
        raise ValueError(f"{str(path)!r}, member {name!r} is a link, a device or a sparse file; a shard holds plain files only")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in PurePosixPath(name).parts or not PurePosixPath(name).name:
        raise ValueError(f"{str(path)!r}, member {name!r} has a name that leads out of the shard")
    if member.size > max_bytes:
        raise ValueError(f"{str(path)!r}, member {name!r} has {member.size:,} bytes; the limit is {max_bytes:,} and can be raised with max_bytes")
    return "." in PurePosixPath(name).name.lstrip(".")


def split_name(name: str) -> tuple[str, str]:
    """Key and ending: up to the first point of the last part, and what follows.

    >>> split_name("train/0001.seg.png")
    ('train/0001', 'seg.png')
    """
    folder, _, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}/{stem}" if folder else stem, ending.lower()


def whole(tar: tarfile.TarFile, path: Path, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """The names and bytes of the members of a tar file that is read from front to back."""
    for member in tar:
        if check_member(member, path, max_bytes):
            file = tar.extractfile(member)
            data = file.read() if file else b""
            if len(data) != member.size:
                raise ValueError(f"{str(path)!r} is cut short inside the member {member.name!r}")
            yield member.name, data


def grouped(members: Iterable[tuple[str, Any]], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Neighbouring members of one key; raises ValueError for two of the same ending."""
    key, group = "", {}
    for name, value in members:
        its_key, ending = split_name(name)
        if its_key != key and group:
            yield key, group
            group = {}
        key = its_key
        if ending in group:
            raise ValueError(f"{str(path)!r} has the member {name!r} twice in a row")
        group[ending] = value
    if group:
        yield key, group


def indexed(paths: Sequence[Path], max_bytes: int) -> list[tuple[Path, str, dict[str, tuple[int, int]]]]:
    """Shard, key and the place of every member of each record, read from the headers."""
    index = []
    for path in paths:
        size = path.stat().st_size
        try:
            with tarfile.open(path, "r:") as tar:
                places = [(m.name, (m.offset_data, m.size)) for m in tar if check_member(m, path, max_bytes)]
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{str(path)!r} is not a whole tar file: {error}") from error
        for name, (offset, length) in places:
            if offset + length > size:
                raise ValueError(f"{str(path)!r} is cut short inside the member {name!r}")
        index += [(path, key, group) for key, group in grouped(places, path)]
    return index


def record_of(data: Mapping[str, bytes], names: Mapping[str, Sequence[str]], where: str) -> Record:
    """The decoded record of raw members; raises ValueError naming the member that does not decode or is not there."""
    if not names:
        return {ending: decoded(ending, value, where) for ending, value in data.items()}
    record = {}
    for name, endings in names.items():
        ending = next((ending for ending in endings if ending in data), None)
        if ending is None:
            raise ValueError(f"{where} has no member {' or '.join(endings)} for {name!r}; it has {', '.join(sorted(data))}")
        record[name] = decoded(ending, data[ending], where)
    return record


def decoded(ending: str, data: bytes, where: str) -> Any:
    """The value of a member by its ending."""
    last = ending.rpartition(".")[2]
    try:
        if last in ("txt", "text"):
            return data.decode("utf-8")
        if last == "json":
            return json.loads(data)
        if last in ("cls", "index"):
            return int(data)
        if last == "npy":
            return tensor_of(np.load(io.BytesIO(data), allow_pickle=False))
    except (ValueError, EOFError, RecursionError, TypeError) as error:
        raise ValueError(f"{where}: the member .{ending} does not decode: {error}") from error
    return data


class TarWriter:
    """Writes records into tar shards ``shard-000000.tar``, … of at most ``max_records`` records and about ``max_bytes`` bytes.

    A value is bytes, text, a number, an array or tensor (``.npy``), or anything JSON has. A shard appears under its name when it is whole; equal
    records give equal bytes. Raises ValueError for a key or ending that could not be read back, and for a key twice in a row.

    >>> import tempfile
    >>> with TarWriter(tempfile.mkdtemp(), max_records=2) as writer:
    ...     for i in range(3):
    ...         writer.add(f"{i:03}", {"json": {"x": i}})
    >>> [path.name for path in writer.written]
    ['shard-000000.tar', 'shard-000001.tar']
    """

    def __init__(self, folder: str | Path, *, max_records: int = 10_000, max_bytes: int = 1_000_000_000, name: str = "shard") -> None:
        if max_records < 1 or max_bytes < 1:
            raise ValueError(f"max_records={max_records}, max_bytes={max_bytes}; expected at least 1")
        self.folder, self.max_records, self.max_bytes, self.name = Path(folder), max_records, max_bytes, name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.written: list[Path] = []
        self.records, self.last = 0, ""
        self._tar: tarfile.TarFile | None = None

    def add(self, key: str, record: Mapping[str, Any]) -> None:
        """Add one record under a key that its neighbours do not have."""
        if split_name(f"{key}.x") != (key, "x") or key.startswith("/") or ".." in key.split("/") or "\\" in key or "\0" in key:
            raise ValueError(f"The key {key!r} could not be read back; expected a relative name without a point, such as 'train/0001'")
        if key == self.last or not record:
            raise ValueError(f"The record {key!r} is {'there already' if record else 'empty'}")
        members = {ending: stored(ending, value, key) for ending, value in record.items()}
        if self._tar is None:
            self._tar, self.records = tarfile.open(self._aside(), "w", format=tarfile.PAX_FORMAT), 0  # noqa: SIM115 -- closed by close()
        for ending, data in members.items():
            member = tarfile.TarInfo(f"{key}.{ending}")
            member.size = len(data)
            self._tar.addfile(member, io.BytesIO(data))
        self.records, self.last = self.records + 1, key
        if self.records >= self.max_records or self._tar.offset >= self.max_bytes:
            self._finish()

    def _aside(self) -> Path:
        return self.folder / f".{self.name}-{len(self.written):06}.tar.{os.getpid()}.part"

    def _finish(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            final = self.folder / f"{self.name}-{len(self.written):06}.tar"
            os.replace(self._aside(), final)
            self.written.append(final)

    def close(self) -> None:
        """Finish the last shard."""
        self._finish()

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._finish()
        elif self._tar is not None:
            self._tar.close()
            self._aside().unlink(missing_ok=True)


def stored(ending: str, value: Any, key: str) -> bytes:
    """The bytes of a value under an ending."""
    if not ending or ending != ending.lower() or not ending.replace(".", "").replace("_", "").isalnum():
        raise ValueError(f"The record {key!r} has the ending {ending!r}; expected small letters and digits, such as 'jpg'")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str) and not ending.endswith("json"):
        return value.encode()
    if isinstance(value, (Tensor, np.ndarray)) and ending.endswith("npy"):
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(torch.as_tensor(value).detach().cpu()), allow_pickle=False)
        return buffer.getvalue()
    if ending.endswith("cls") and not isinstance(value, bool):
        return str(int(value)).encode()
    if ending.endswith("json"):
        return json.dumps(value).encode()
    raise ValueError(f"The record {key!r} has a {type(value).__name__} under .{ending}; give bytes, text, a number for .cls, an array for .npy")
