"""Collation: masks, sides, nests, pictures."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils.rnn import pad_sequence

from weft.data import AdaptiveCollate, PadCollate, PadPictures, collate_nested
from weft.data.text.collate import is_pictures, is_ragged_pictures, is_variable_length

RECORDS = [{"input": [5, 6, 7], "target": [1, 0, 1], "id": "a"}, {"input": torch.tensor([8]), "target": [2], "id": "b"}, {"input": np.array([], dtype=int), "target": [], "id": "c"}]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.sampled_from(["left", "right"]), st.integers(1, 8))
def test_masks_sum_to_lengths_and_values_equal_torch(lengths, side, multiple):
    """Parity with torch's pad_sequence; property: PadCollate's mask sums equal the lengths and its width is a multiple."""
    sequences = [torch.arange(1, n + 1) for n in lengths]
    batch = PadCollate(side=side, multiple_of=multiple)([{"input": s} for s in sequences])
    width = -(-max(lengths) // multiple) * multiple
    expected = pad_sequence(sequences, batch_first=True, padding_side=side)
    kept = batch["input"][:, : max(lengths)] if side == "right" else batch["input"][:, width - max(lengths) :]
    assert batch["input"].shape == (len(lengths), width) and torch.equal(kept, expected)
    assert batch["attend"].dtype == torch.bool and batch["attend"].sum(1).tolist() == lengths and torch.equal(batch["attend"], batch["input"] != 0)


def test_targets_are_padded_with_what_no_class_has():
    """Regression: labels padded with 0 would be class 0; lists, arrays and tensors are all welcome."""
    batch = PadCollate()(RECORDS)
    assert batch["target"].tolist() == [[1, 0, 1], [2, -100, -100], [-100] * 3] and batch["id"] == ["a", "b", "c"]
    assert batch["input"].dtype == batch["target"].dtype == torch.int64


def test_a_class_number_is_no_sequence():
    batch = PadCollate()([{"input": [1, 2], "target": 0}, {"input": [3], "target": 4}])
    assert batch["target"].tolist() == [0, 4]


def test_the_loss_does_not_see_padding():
    """Property: cross-entropy with -100 left out is the same however far the batch is padded."""
    torch.manual_seed(0)
    table = torch.randn(10, 3)
    losses = []
    for multiple in (1, 8, 32):
        batch = PadCollate(multiple_of=multiple)(RECORDS[:2])
        losses.append(torch.nn.functional.cross_entropy(table[batch["input"]].flatten(0, 1), batch["target"].flatten(), ignore_index=-100).item())
    assert losses == pytest.approx([losses[0]] * 3)


def test_a_fixed_length_pads_and_cuts_every_field_alike():
    batch = PadCollate(length=2)(RECORDS)
    assert batch["input"].tolist() == [[5, 6], [8, 0], [0, 0]] and batch["target"][0].tolist() == [1, 0] and batch["attend"].sum(1).tolist() == [2, 1, 0]


def test_one_allocation_a_field(monkeypatch):
    """Property: each padded field is made once, of any type, and (T, D) is padded along T."""
    made = []
    whole = torch.Tensor.new_full
    monkeypatch.setattr(torch.Tensor, "new_full", lambda self, *a, **k: made.append(a[0]) or whole(self, *a, **k))
    batch = PadCollate({"input": 0.0})([{"input": torch.ones(2, 3, dtype=torch.float16)}, {"input": torch.ones(4, 3, dtype=torch.float16)}])
    assert made == [(2, 4, 3), (2, 4)] and batch["input"].dtype == torch.float16 and batch["input"][0].sum() == 6


def test_wrong_records_are_named():
    with pytest.raises(ValueError, match=r"Record 0 of the batch: 'target' has shape \(1,\), but 'input' has 2 items"):
        PadCollate()([{"input": [1, 2], "target": [1]}])
    with pytest.raises(ValueError, match="No field to pad"):
        PadCollate()([{"x": [1]}])
    with pytest.raises(ValueError, match="no records"):
        PadCollate()([])
    with pytest.raises(ValueError, match="'left' or 'right'"):
        PadCollate(side="both")
    with pytest.raises(ValueError, match="at least 1"):
        PadCollate(multiple_of=0)


Pair = namedtuple("Pair", "left right")


@dataclass
class Item:
    x: int
    words: tuple


def test_nests_come_back_as_nests_of_batches():
    """Property: dicts, tuples, named tuples, dataclasses, lists, text, None and numbers, as deep as they go."""
    value = lambda i: {"pair": Pair(i, "a" * i), "item": Item(i, (None, [i, 2.0 * i])), "array": np.full(2, i), "none": None}  # noqa: E731
    batch = collate_nested([value(1), value(2)])
    assert batch["pair"].left.tolist() == [1, 2] and batch["pair"].right == ["a", "aa"] and batch["none"] is None
    assert isinstance(batch["item"], Item) and batch["item"].words[0] is None and batch["item"].words[1][1].tolist() == [2.0, 4.0]
    assert batch["array"].shape == (2, 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([{"a": 1}, {"b": 1}], r"the keys of the first is \['a'\]"),
        ([(1, 2), (1,)], "the length of the first is 2"),
        ([{"a": [1]}, {"a": 3}], "under 'a'"),
        ([{"x": torch.zeros(1, 4, 4)}, {"x": torch.zeros(3, 4, 4)}], "under 'x', shapes differ"),
        ([1, None], "some values are numbers and some are not"),
        ([], "no records"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(values, message):
    with pytest.raises(ValueError, match=message):
        collate_nested(values)


def test_pictures_never_come_to_the_collate_of_texts():
    """Regression: routing by len(item) sent pictures of different sizes to text padding; grey among coloured ones is a clear error."""
    pictures = [{"input": torch.ones(3, 4, 6)}, {"input": torch.ones(3, 5, 2)}]
    batch = AdaptiveCollate()(pictures)
    assert batch["input"].shape == (2, 3, 5, 6) and batch["mask"].sum((1, 2)).tolist() == [24, 10] and "attend" not in batch
    with pytest.raises(ValueError, match=r"\(1, 4, 4\), \(3, 4, 4\)"):
        AdaptiveCollate()([{"input": torch.ones(3, 4, 4)}, {"input": torch.ones(1, 4, 4)}])
    with pytest.raises(ValueError, match=r"\(C, H, W\)"):
        PadPictures()([{"input": torch.ones(4, 4)}])


@pytest.mark.parametrize(
    ("records", "variable", "pictures", "ragged"),
    [
        ([{"input": [1, 2]}, {"input": [1]}], True, False, False),
        ([{"input": [1, 2]}, {"input": [3, 1]}], False, False, False),
        ([torch.zeros(3, 4, 4, dtype=torch.uint8)] * 2, False, True, False),
        ([(torch.zeros(3, 4, 4), 0), (torch.zeros(1, 4, 4), 1)], False, True, True),
        ([torch.zeros(3, 4, dtype=torch.int64), torch.zeros(2, 4, dtype=torch.int64)], False, False, False),
        ([{"text": "a"}, {"text": "bc"}], False, False, False),
        (["a", "bc"], False, False, False),
    ],
)
def test_predicates(records, variable, pictures, ragged):
    assert (is_variable_length(records), is_pictures(records), is_ragged_pictures(records)) == (variable, pictures, ragged)


def test_the_first_rule_that_holds_decides():
    """Contract: AdaptiveCollate asks its rules in order, then takes the default."""
    rules = [(lambda r: len(r) == 1, lambda r: "one"), (lambda r: len(r) < 3, lambda r: "few")]
    collate = AdaptiveCollate(rules, default=lambda r: "many")
    assert [collate([0] * n) for n in (1, 2, 3)] == ["one", "few", "many"]


@pytest.mark.parametrize(("side", "multiple", "places"), [("right", 1, (0, 0, 0)), ("right", 8, (0, 0, 0)), ("left", 1, (6, 12, 0)), ("left", 8, (7, 13, 1))])
def test_padding_is_that_of_transformers_collator(side, multiple, places):
    """Parity: PadCollate against DataCollatorWithPadding of transformers 5.23.0, of which the places where each record begins are kept here; it pads numbers,
    segments and attention with 0 to 15, or 16 as a multiple of 8, and stacks classes."""
    lengths = (9, 3, 15)
    records = [{"input": torch.arange(1, n + 1), "segments": (torch.arange(n) > 4).long(), "target": i} for i, n in enumerate(lengths)]
    batch = PadCollate(side=side, multiple_of=multiple)(records)
    width = 15 if multiple == 1 else 16
    for i, (start, length) in enumerate(zip(places, lengths, strict=True)):
        for name, values in (("input", range(1, length + 1)), ("segments", [int(n > 4) for n in range(length)]), ("attend", [1] * length)):
            assert batch[name][i].int().tolist() == [0] * start + list(values) + [0] * (width - start - length), name
    assert batch["target"].tolist() == [0, 1, 2]
