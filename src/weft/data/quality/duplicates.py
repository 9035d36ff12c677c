"""Exact and near duplicates: equal content, pictures that look alike, texts that share their phrases."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from weft.data.image_file import read_image
from weft.data.keyed import hashed
from weft.data.quality.pictures import picture_hash

BITS_APART = 16  # of 256
SHARE_APART = 0.2  # of the bits that are set in either: a drawing sets few, and then few may differ
SHINGLE = 3  # words
HASHES, BANDS = 128, 32
WORD = re.compile(r"\w+")
CHUNK = 1 << 20


def content_hash(content: Any) -> str:
    """SHA-256 of a file (a Path, read in pieces), of bytes, text, a picture's pixels, an array or tensor (with shape and type), or plain data.

    >>> content_hash("a") == content_hash(b"a") == content_hash("b")
    False
    """
    digest = hashlib.sha256()
    if isinstance(content, Path):
        with content.open("rb") as file:
            while data := file.read(CHUNK):
                digest.update(data)
        return digest.hexdigest()
    _feed(digest, content)
    return digest.hexdigest()


def _feed(digest: Any, content: Any) -> None:
    """Add a value to a digest, each with its type and size, so that different nests never give the same bytes."""
    if isinstance(content, bytes):
        digest.update(content)  # alone, so that bytes and a file of them have one hash
        return
    if isinstance(content, Image.Image):
        content = np.asarray(content)
    if isinstance(content, (Tensor, np.ndarray)):
        array = np.ascontiguousarray(content.detach().cpu().numpy() if isinstance(content, Tensor) else content)
        if array.dtype.hasobject:
            return _feed(digest, array.tolist())
        digest.update(f"array {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    elif isinstance(content, dict):
        digest.update(f"dict {len(content)} ".encode())
        for key in sorted(content, key=str):
            _feed(digest, str(key))
            _feed(digest, content[key])
    elif isinstance(content, (list, tuple)):
        digest.update(f"list {len(content)} ".encode())
        for value in content:
            _feed(digest, value)
    elif isinstance(content, Path):
        digest.update(b"file " + content_hash(content).encode())
    else:
        data = (content if isinstance(content, str) else repr(content)).encode("utf-8", "surrogatepass")
        digest.update(f"{type(content).__name__} {len(data)} ".encode() + data)


def near_pictures(hashes: Sequence[bytes], distance: int = BITS_APART, share: float = SHARE_APART) -> list[tuple[int, int, int]]:
    """Pairs (i, j, bits) of perceptual hashes that differ in at most ``distance`` bits and in at most ``share`` of those set in either, i < j.

    Of equal hashes each is paired with the first.

    Hashes are cut into ``distance + 1`` pieces; a pair within the distance agrees in at least one, so only those of an equal piece are
    compared and none is missed. Raises ValueError for hashes of different length.

    Use with ``picture_hash`` for rescaled or recompressed copies; turned or mirrored ones are not found. Cost: near linear unless many
    pictures are nearly alike.

    >>> near_pictures([b"\\xff" * 31 + b"\\xf0", b"\\xff" * 32, bytes(32)])
    [(0, 1, 4)]
    """
    if len({len(value) for value in hashes}) > 1:
        raise ValueError(f"The hashes have {sorted({len(value) for value in hashes})} bytes; expected all of one length")
    first: dict[bytes, int] = {}
    found = {(first[value], i): 0 for i, value in enumerate(hashes) if first.setdefault(value, i) != i}
    places, distinct = list(first.values()), list(first)
    if len(distinct) < 2:
        return sorted((i, j, n) for (i, j), n in found.items())
    packed = np.frombuffer(b"".join(distinct), np.uint8).reshape(len(distinct), -1)
    bits = np.unpackbits(packed, axis=1)
    set_bits = bits.sum(1, dtype=np.int64)
    for piece in np.array_split(np.arange(bits.shape[1]), min(distance + 1, bits.shape[1])):
        groups: dict[bytes, list[int]] = defaultdict(list)
        for i, key in enumerate(np.packbits(bits[:, piece], axis=1)):
            groups[key.tobytes()].append(i)
        for group in groups.values():
            members = np.asarray(group)
            for at, i in enumerate(group[:-1]):
                apart = np.bitwise_count(packed[members[at + 1 :]] ^ packed[i]).sum(1, dtype=np.int64)
                either = (set_bits[members[at + 1 :]] + set_bits[i] + apart) / 2  # |A or B| = (|A| + |B| + |A xor B|) / 2
                near = np.flatnonzero((apart <= distance) & (apart <= share * either))
                found |= {(places[i], places[members[at + 1 + k]]): int(apart[k]) for k in near}
    return sorted((i, j, n) for (i, j), n in found.items())


def shingles(text: str) -> frozenset[int]:
    """Hashes of every three words in a row, without case and signs; of the whole text when it is shorter."""
    words = WORD.findall(text.lower())
    runs = [" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))]
    return frozenset(zlib.crc32(run.encode("utf-8", "surrogatepass")) for run in runs if run)


def jaccard(first: frozenset[int], second: frozenset[int]) -> float:
    """Common ones over all; 1 for two empty sets."""
    return len(first & second) / len(first | second) if first or second else 1.0


def minhash(text: str) -> np.ndarray:
    """128 numbers (uint32), the least of as many hashes of the text's shingles; two texts agree in a share that estimates their Jaccard index.

    Paper: Broder, 1997, doi:10.1109/SEQUEN.1997.666900.

    >>> a, b = minhash("the cat sat on the mat today"), minhash("The cat sat on the mat, today!")
    >>> bool((a == b).all())
    True
    """
    values = np.fromiter(shingles(text) or {0}, np.uint64)
    multiply, add = _functions()
    return ((values[:, None] * multiply + add) >> np.uint64(32)).astype(np.uint32).min(0)


def _functions() -> tuple[np.ndarray, np.ndarray]:
    """Multiply-shift hashing: odd factors and summands, fixed for all time."""
    numbers = hashed(97, torch.arange(2 * HASHES)).numpy().view(np.uint64)
    return numbers[:HASHES] | np.uint64(1), numbers[HASHES:]


def near_texts(texts: Sequence[str], threshold: float = 0.8) -> list[tuple[int, int, float]]:
    """Pairs (i, j, Jaccard index) of texts that share at least ``threshold`` of their three-word phrases, i < j.

    Candidates agree in one of 32 bands of 4 MinHash numbers and are then compared exactly. A pair of index s is a candidate with
    probability 1 - (1 - s^4)^32: above 0.9999 for 0.8, 0.88 for 0.5. Raises ValueError for a threshold outside (0, 1].

    Paper: Broder, 1997, doi:10.1109/SEQUEN.1997.666900; Leskovec et al., Mining of Massive Datasets, chapter 3.
    Use for copied articles with small changes; cost: linear, 128 numbers a text.

    >>> near_texts(["a b c d e f g h i j k", "A b c d e f g h i j, k!", "something else"])
    [(0, 1, 1.0)]
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold}; expected a share above 0 and at most 1")
    signatures = np.stack([minhash(text) for text in texts]) if texts else np.empty((0, HASHES), np.uint32)
    scored = ((i, j, jaccard(shingles(texts[i]), shingles(texts[j]))) for i, j in candidates(signatures))
    return [pair for pair in scored if pair[2] >= threshold]


def near_signatures(signatures: np.ndarray, threshold: float = 0.8) -> list[tuple[int, int, float]]:
    """As ``near_texts`` from MinHash signatures (N, 128) alone; the index is the share of equal numbers, within about 0.04."""
    scored = ((i, j, float((signatures[i] == signatures[j]).mean())) for i, j in candidates(signatures))
    return [pair for pair in scored if pair[2] >= threshold]


def candidates(signatures: np.ndarray) -> list[tuple[int, int]]:
    """Pairs that agree in a whole band; of many equal ones each is paired with the first."""
    pairs: set[tuple[int, int]] = set()
    for band in np.split(signatures, BANDS, axis=1) if len(signatures) else []:
        groups: dict[bytes, list[int]] = defaultdict(list)
        for i, key in enumerate(np.ascontiguousarray(band)):
            groups[key.tobytes()].append(i)
        for group in groups.values():
            pairs |= set(combinations(group, 2)) if len(group) <= 100 else {(group[0], other) for other in group[1:]}
    return sorted(pairs)


def groups_of(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of what pairs connect, each sorted.

    >>> groups_of([(3, 1), (1, 2), (7, 8)])
    [[1, 2, 3], [7, 8]]
    """
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        parent[max(root(i), root(j))] = min(root(i), root(j))
    groups: dict[int, list[int]] = defaultdict(list)
    for i in sorted(parent):
        groups[root(i)].append(i)
    return list(groups.values())


def duplicates(records: Any, *, near: bool = True) -> list[list[int]]:
    """Groups of records whose content is equal or, with ``near``, looks or reads alike.

    Of a record with a field ``image`` or ``text`` that field is compared, of others everything but ``label``, ``target`` and ``path``.

    >>> duplicates([{"text": "one two three four"}, {"text": "other"}, {"text": "One two three four."}])
    [[0, 2]]
    """
    pairs = [(i, j) for i, j, _ in alike(list(prints(records)), near=near)]
    return groups_of(pairs)


def prints(records: Any) -> Iterator[tuple[str, str, Any]]:
    """Of each record its content hash, and what its near duplicates share: ("picture", hash), ("text", text) or ("", None)."""
    for i in range(len(records)):
        record = records[i]
        if isinstance(record.get("text"), str):
            yield content_hash(record["text"]), "text", record["text"]
        elif "image" in record:
            picture = read_image(record["image"], channels=3)
            grey = np.asarray(picture.convert("L"))
            flat = int(grey.max()) - int(grey.min()) <= 2  # all constant pictures have the same hash
            kind, shared = ("", None) if flat else ("picture", picture_hash(picture))
            yield content_hash(picture), kind, shared
        else:
            rest = {name: value for name, value in record.items() if name not in ("label", "target", "path")}
            yield content_hash(rest), "", None


def alike(found: Sequence[tuple[str, str, Any]], *, near: bool = True) -> list[tuple[int, int, str]]:
    """Pairs (i, j, how) of prints: "equal", or "near"."""
    first: dict[str, int] = {}
    pairs = {}
    for i, (content, _, _) in enumerate(found):
        other = first.setdefault(content, i)
        if other != i:
            pairs[other, i] = "equal"
    for kind, compare in (("picture", near_pictures), ("text", near_texts)) if near else ():
        which = [i for i, (_, other, _) in enumerate(found) if other == kind]
        for a, b, _ in compare([found[i][2] for i in which]):
            pairs.setdefault((which[a], which[b]), "near")
    return [(i, j, how) for (i, j), how in sorted(pairs.items())]
