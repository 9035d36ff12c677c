"""Splits by hash: a record keeps its side."""

from __future__ import annotations

import random

import pytest

from weft.data import overlap, split_by_hash

ROWS = [{"id": i, "patient": i // 5, "label": "rare" if i % 10 == 0 else "common"} for i in range(1000)]
PARTS = {"train": 0.7, "val": 0.1, "test": 0.2}


def ids(part):
    return {record["id"] for record in part}


def test_parts_are_a_partition_near_the_fractions():
    parts = split_by_hash(ROWS, PARTS, key="id")
    assert sum(len(p) for p in parts.values()) == 1000 and ids(parts["train"]) | ids(parts["val"]) | ids(parts["test"]) == set(range(1000))
    assert all(abs(len(parts[name]) - 1000 * share) < 60 for name, share in PARTS.items())  # four standard deviations


def test_order_and_growth_move_nobody():
    """Property: the side depends on the key alone."""
    before = split_by_hash(ROWS, PARTS, key="id")
    more = ROWS + [{"id": i} for i in range(1000, 1500)]
    random.Random(0).shuffle(more)
    after = split_by_hash(more, PARTS, key="id")
    assert all(ids(before[name]) <= ids(after[name]) for name in PARTS)


def test_the_split_is_the_same_on_every_machine():
    assert sorted(ids(split_by_hash(ROWS[:20], {"a": 0.5, "b": 0.5}, key="id")["b"])) == [0, 2, 4, 5, 7, 8, 9, 14, 15, 16, 19]


def test_groups_stay_together():
    parts = split_by_hash(ROWS, PARTS, key="patient")
    sides = {}
    for name, part in parts.items():
        for record in part:
            assert sides.setdefault(record["patient"], name) == name
    assert overlap(parts["train"], parts["test"], key=lambda record: record["patient"]) == []


def test_stratified_parts_have_exact_shares_of_each_class():
    parts = split_by_hash(ROWS, PARTS, key="id", stratify="label")
    for name, share in PARTS.items():
        labels = [record["label"] for record in parts[name]]
        assert abs(labels.count("rare") - 100 * share) <= 1 and abs(labels.count("common") - 900 * share) <= 1


def test_stratified_groups_of_one_class_stay_together():
    rows = [{"id": i, "group": i // 4, "label": "ab"[i // 40]} for i in range(80)]
    parts = split_by_hash(rows, {"train": 0.5, "test": 0.5}, key="group", stratify="label")
    assert not {r["group"] for r in parts["train"]} & {r["group"] for r in parts["test"]}


def test_a_seed_gives_another_split():
    assert ids(split_by_hash(ROWS, PARTS, key="id", seed=1)["test"]) != ids(split_by_hash(ROWS, PARTS, key="id")["test"])


def test_planted_duplicates_are_found():
    assert overlap(ROWS[:10], ROWS[8:12], key="id") == [(8, 0), (9, 1)]


@pytest.mark.parametrize("parts", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_fractions_must_sum_to_one(parts):
    with pytest.raises(ValueError, match="sum to 1"):
        split_by_hash(ROWS, parts)


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match=r"'test' \(1%\) of 2 records came out empty"):
        split_by_hash(ROWS[:2], {"train": 0.99, "test": 0.01})
