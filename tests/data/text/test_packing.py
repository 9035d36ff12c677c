"""Packed documents, padding modes, packed sequences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import block_mask, nested, pack_documents, packed, pad_sequences, unpacked

DOCUMENTS = st.lists(st.lists(st.integers(1, 99), max_size=9), min_size=1, max_size=8).filter(any)


@settings(deadline=None)
@given(DOCUMENTS, st.integers(1, 8), st.booleans())
def test_every_token_is_packed_once_and_targets_are_the_next_of_its_document(documents, length, split):
    """Property: pack_documents loses nothing, positions start again at each document, a target never comes from another one."""
    batch = pack_documents(documents, length, split=split)
    used = batch["segments"] > 0
    following = sorted((a, b) for d in documents for a, b in itertools.pairwise(d))
    assert sorted(batch["input"][used].tolist()) == sorted(itertools.chain(*documents))
    assert sorted(zip(batch["input"][batch["mask"]].tolist(), batch["target"][batch["mask"]].tolist(), strict=True)) == following
    assert not (batch["mask"] & ~used).any()
    for row, segments in zip(batch["position"], batch["segments"], strict=True):
        for number in range(1, int(segments.max()) + 1):
            assert row[segments == number].tolist() == list(range(int((segments == number).sum())))
    if split:
        assert used.flatten().int().diff().sum() in (0, -1) and used[:-1].all(), "only the last block has padding"
    else:
        whole = [d for d in documents if 0 < len(d) <= length]
        rows = [row[segments == n].tolist() for row, segments in zip(batch["input"], batch["segments"], strict=True) for n in range(1, int(segments.max()) + 1)]
        assert all(d in rows for d in whole), "a document that fits stays whole"


def test_an_end_follows_every_document():
    batch = pack_documents([[5], [6, 7]], 5, end=9)
    assert batch["input"].tolist() == [[5, 9, 6, 7, 9]] and batch["target"][batch["mask"]].tolist() == [9, 7, 9]


def test_blocks_do_not_attend_across_documents():
    """Property: a change in one document changes no output of another, through real attention."""
    torch.manual_seed(0)
    batch = pack_documents([[1, 2, 3], [4, 5], [6, 7]], 9)
    table, mask = torch.randn(10, 8), block_mask(batch["segments"])

    def attend(tokens):
        x = table[tokens][:, None]
        return torch.nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=mask[:, None])[:, 0]

    changed = batch["input"].clone()
    changed[0, 3] = 9
    same = torch.isclose(attend(batch["input"]), attend(changed)).all(-1)[0]
    assert same.tolist() == [True] * 3 + [False] * 2 + [True] * 4 and not attend(changed).isnan().any()
    assert not mask[0].triu(1).any() and block_mask(batch["segments"], causal=False)[0, 0, 2]


def test_a_packed_recurrent_network_equals_the_loop_over_sequences():
    """Parity: a GRU over packed sequences gives each sequence what it gets alone, in any order of lengths."""
    torch.manual_seed(0)
    gru = torch.nn.GRU(2, 3, batch_first=True)
    sequences = [torch.randn(n, 2) for n in (2, 5, 1, 4)]
    padded, mask = pad_sequences(sequences)
    out = unpacked(gru(packed(padded, mask))[0], padded.shape[1])
    for row, sequence in zip(out, sequences, strict=True):
        assert torch.allclose(row[: len(sequence)], gru(sequence[None])[0][0], atol=1e-6) and not row[len(sequence) :].any()
    assert torch.equal(unpacked(packed(padded, mask), 7)[:, :5], padded) and nested(padded, mask).offsets().diff().tolist() == [2, 5, 1, 4]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.sampled_from(["left", "right"]), st.sampled_from(["constant", "edge", "reflect"]))
def test_padding_equals_numpy(lengths, side, mode):
    """Parity with numpy.pad, side by side."""
    sequences = [torch.arange(1.0, n + 1) for n in lengths]
    padded, mask = pad_sequences(sequences, 11, side=side, mode=mode)
    for row, keep, sequence in zip(padded, mask, sequences, strict=True):
        missing = 11 - len(sequence)
        expected = np.pad(sequence.numpy(), (0, missing) if side == "right" else (missing, 0), mode=mode)
        assert row.tolist() == expected.tolist() and torch.equal(row[keep], sequence) and int(keep.sum()) == len(sequence)


def test_wrong_use_is_named():
    with pytest.raises(ValueError, match="Nothing to pack"):
        pack_documents([[], []], 4)
    with pytest.raises(ValueError, match="at least 1"):
        pack_documents([[1]], 0)
    with pytest.raises(ValueError, match="is empty; mode='edge'"):
        pad_sequences([torch.zeros(0)], 2, mode="edge")
    with pytest.raises(ValueError, match="'reflect'"):
        pad_sequences([torch.zeros(1)], mode="wrap")
    with pytest.raises(ValueError, match="No sequences"):
        pad_sequences([])
    x = torch.zeros(1, 2)
    with pytest.raises(ValueError, match="before or within"):
        packed(x, torch.tensor([[False, True]]))
    with pytest.raises(ValueError, match="Sequence 0 of the batch is empty"):
        packed(x, torch.tensor([[False, False]]))
