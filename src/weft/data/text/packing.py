"""Sequences without waste: documents packed into blocks, padding in several ways, torch's packed sequences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from weft.data.contracts import Batch

MODES = ("constant", "edge", "reflect")


def pack_documents(documents: Sequence[Sequence[int] | Tensor], length: int, *, split: bool = True, end: int | None = None, pad: int = 0) -> Batch:
    """Documents as blocks of ``length`` tokens for a language model, several in one block, none looking at another.

    ``input`` (N, length); ``target`` the next token of the same document; ``mask`` (N, length) True where there is one; ``position`` counts from
    0 in each document; ``segments`` numbers the documents of a block from 1, 0 is padding (see ``block_mask``). With ``split`` documents run on into
    the next block, positions starting again, and only the last block has padding; without it each stays whole (first fit, the longest first)
    and only one longer than a block is cut. ``end`` is put after every document. Raises ValueError when nothing is left to pack.

    Paper: Krell et al., 2021, arXiv:2107.02027 (packing without contamination).
    Use when documents are much shorter than the context; instead of it, ``PadCollate``. Cost: O(documents · blocks) without ``split``.

    >>> batch = pack_documents([[5, 6, 7], [8, 9]], length=4)
    >>> batch["input"].tolist(), batch["segments"].tolist(), batch["position"].tolist()
    ([[5, 6, 7, 8], [9, 0, 0, 0]], [[1, 1, 1, 2], [1, 0, 0, 0]], [[0, 1, 2, 0], [0, 0, 0, 0]])
    """
    if length < 1:
        raise ValueError(f"length={length}; expected at least 1")
    texts = [[*map(int, document), *([] if end is None else [end])] for document in documents]
    texts = [text for text in texts if text]
    if not texts:
        raise ValueError(f"Nothing to pack: {len(documents)} documents without a token")
    blocks = running(texts, length) if split else fitted(texts, length)
    shape = (len(blocks), length)
    batch = {name: torch.zeros(shape, dtype=torch.int64) for name in ("position", "segments")}
    batch["input"], batch["target"] = torch.full(shape, pad), torch.full(shape, pad)
    mask = torch.zeros(shape, dtype=torch.bool)
    for row, block in enumerate(blocks):
        at = 0
        for number, (text, following) in enumerate(block, 1):
            part = slice(at, at + len(text))
            batch["input"][row, part] = torch.tensor(text)
            batch["segments"][row, part] = number
            batch["position"][row, part] = torch.arange(len(text))
            ahead = text[1:] + ([] if following is None else [following])
            batch["target"][row, at : at + len(ahead)] = torch.tensor(ahead, dtype=torch.int64)
            mask[row, at : at + len(ahead)] = True
            at += len(text)
    return batch | {"mask": mask}


Part = tuple[list[int], int | None]  # tokens in one block, and the next one of the document where it goes on elsewhere


def pieces(text: list[int], sizes: Sequence[int]) -> list[Part]:
    """A document cut into parts of given sizes; each part knows the token after it."""
    out, at = [], 0
    for size in sizes:
        end = at + size
        out.append((text[at:end], text[end] if end < len(text) else None))
        at = end
    return out


def running(texts: list[list[int]], length: int) -> list[list[Part]]:
    """Blocks of one running stream."""
    blocks: list[list[Part]] = [[]]
    room = length
    for text in texts:
        sizes, rest = [], len(text)
        while rest:
            size = min(rest, room)
            sizes.append(size)
            rest, room = rest - size, room - size or length
        for part in pieces(text, sizes):
            if sum(len(tokens) for tokens, _ in blocks[-1]) == length:
                blocks.append([])
            blocks[-1].append(part)
    return blocks


def fitted(texts: list[list[int]], length: int) -> list[list[Part]]:
    """Blocks of whole documents: the longest first, each into the first block that has room."""
    parts = [part for text in texts for part in pieces(text, [min(length, len(text) - at) for at in range(0, len(text), length)])]
    blocks: list[list[Part]] = []
    rooms: list[int] = []
    for part in sorted(parts, key=lambda part: -len(part[0])):
        size = len(part[0])
        place = next((i for i, room in enumerate(rooms) if room >= size), None)
        if place is None:
            blocks.append([])
            rooms.append(length)
            place = len(blocks) - 1
        blocks[place].append(part)
        rooms[place] -= size
    return blocks


def block_mask(segments: Int[Tensor, "b t"], *, causal: bool = True) -> Bool[Tensor, "b t t"]:
    """Who may attend to whom: True where query and key stand in the same document, with ``causal`` the key not after the query.

    Padding (segment 0) attends to itself alone, so that no row of a softmax is empty.

    >>> block_mask(torch.tensor([[1, 1, 2]])).int().tolist()
    [[[1, 0, 0], [1, 1, 0], [0, 0, 1]]]
    """
    same = (segments[:, :, None] == segments[:, None, :]) & (segments[:, :, None] > 0)
    if causal:
        same = same.tril()
    return same | torch.eye(segments.shape[1], dtype=torch.bool, device=segments.device)


def pad_sequences(
    sequences: Sequence[Tensor], length: int | None = None, *, side: str = "right", mode: str = "constant", value: float = 0.0
) -> tuple[Tensor, Bool[Tensor, "b t"]]:
    """Sequences (T, ...) as one tensor (B, T_max, ...) and a mask, True at what was there.

    ``mode``: "constant" pads with ``value``, "edge" with the nearest item, "reflect" with the mirrored sequence (again and again where it is short).
    ``length``: instead of the longest; longer ones are cut at the end. Raises ValueError for an empty sequence where its items are to be repeated.

    >>> pad_sequences([torch.tensor([1, 2, 3]), torch.tensor([4])], 5, mode="reflect")[0].tolist()
    [[1, 2, 3, 2, 1], [4, 4, 4, 4, 4]]
    """
    if side not in ("left", "right") or mode not in MODES:
        raise ValueError(f"side={side!r}, mode={mode!r}; expected 'left' or 'right' and one of {', '.join(map(repr, MODES))}")
    if not sequences:
        raise ValueError("No sequences to pad; give at least one")
    size = max(len(sequence) for sequence in sequences) if length is None else length
    out = sequences[0].new_full((len(sequences), size, *sequences[0].shape[1:]), value)
    mask = torch.zeros(len(sequences), size, dtype=torch.bool)
    for row, whole in enumerate(sequences):
        sequence = whole[:size]
        count = len(sequence)
        begin = 0 if side == "right" else size - count
        mask[row, begin : begin + count] = True
        if mode == "constant":
            out[row, begin : begin + count] = sequence
        elif not count and size:
            raise ValueError(f"Sequence {row} is empty; mode={mode!r} has nothing to repeat, use mode='constant'")
        elif size:
            place = torch.arange(size) - begin
            if mode == "edge":
                place = place.clamp(0, count - 1)
            else:
                period = max(1, 2 * (count - 1))
                place = place % period
                place = torch.where(place < count, place, period - place)
            out[row] = sequence[place]
    return out, mask


def packed(padded: Tensor, mask: Bool[Tensor, "b t"]) -> PackedSequence:
    """A padded batch as torch's packed sequence, in any order of lengths; ``unpacked`` turns it back.

    Raises ValueError for a mask that has padding elsewhere than at the end, and for an empty sequence, which torch cannot pack.

    >>> x = torch.tensor([[[1.0], [0.0]], [[2.0], [3.0]]])
    >>> keep = torch.tensor([[True, False], [True, True]])
    >>> torch.equal(unpacked(packed(x, keep), 2), x)
    True
    """
    lengths = mask.sum(1)
    if not torch.equal(mask, torch.arange(mask.shape[1], device=mask.device) < lengths[:, None]):
        raise ValueError("The mask has padding before or within a sequence; packed sequences need it at the end (side='right')")
    if not bool((lengths > 0).all()):
        raise ValueError(f"Sequence {int(lengths.argmin())} of the batch is empty; packed sequences need at least one item each")
    return pack_padded_sequence(padded, lengths.cpu(), batch_first=True, enforce_sorted=False)


def unpacked(sequence: PackedSequence, length: int) -> Tensor:
    """A packed sequence as a padded tensor (B, length, ...), in the order of the batch, padding 0."""
    return pad_packed_sequence(sequence, batch_first=True, total_length=length)[0]


def nested(padded: Tensor, mask: Bool[Tensor, "b t"]) -> Tensor:
    """A padded batch as torch's nested tensor (jagged), without its padding.

    >>> nested(torch.zeros(2, 3, 4), torch.tensor([[True, True, False], [True, False, False]])).offsets().tolist()
    [0, 2, 3]
    """
    return torch.nested.nested_tensor([row[keep] for row, keep in zip(padded, mask, strict=True)], layout=torch.jagged)
