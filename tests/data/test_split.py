"""Splits by hash: a record keeps its side."""

from __future__ import annotations

import random

import pytest

from weft.data import overlap, read_split, save_split, split_by_count, split_by_hash, split_by_time

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


DAYS = [{"id": i, "day": (7 * i) % 20, "label": "ab"[i % 2]} for i in range(100)]


def test_parts_follow_each_other_in_time():
    """Property: nothing in a part is older than anything in the part before it, and equal times are never divided."""
    parts = split_by_time(DAYS, {"train": 0.63, "val": 0.17, "test": 0.2}, "day")
    times = [[record["day"] for record in parts[name]] for name in ("train", "val", "test")]
    assert sum(map(len, times)) == 100 and all(part == sorted(part) for part in times)
    assert max(times[0]) < min(times[1]) and max(times[1]) < min(times[2])
    assert len(times[0]) == 65  # 63 and two more of the same day


def test_a_split_by_time_equals_an_unshuffled_one():
    """Parity with sklearn's train_test_split(shuffle=False) on records in order."""
    selection = pytest.importorskip("sklearn.model_selection")
    rows = [{"id": i} for i in range(57)]
    train, test = selection.train_test_split(rows, test_size=0.2, shuffle=False)
    parts = split_by_time(rows, {"train": 45 / 57, "test": 12 / 57}, "id")
    assert [list(parts["train"]), list(parts["test"])] == [train, test]


def test_times_that_are_missing_or_too_alike_are_refused():
    with pytest.raises(ValueError, match="Record 1 has no time"):
        split_by_time([{"t": 1}, {"t": None}], {"a": 0.5, "b": 0.5}, "t")
    with pytest.raises(ValueError, match=r"'b' .* came out empty"):
        split_by_time([{"t": 1}, {"t": 1}, {"t": 1}], {"a": 0.5, "b": 0.5}, lambda record: record["t"])


def test_a_saved_split_comes_back_in_any_order(tmp_path):
    parts = split_by_hash(ROWS, PARTS, key="id")
    save_split(parts, tmp_path / "split.json", key="id")
    again = read_split(ROWS[::-1], tmp_path / "split.json", key="id")
    assert {name: ids(part) for name, part in again.items()} == {name: ids(part) for name, part in parts.items()}
    with pytest.warns(UserWarning, match="1 records are in no part"):
        assert len(read_split([*ROWS, {"id": 5000}], tmp_path / "split.json", key="id")["test"]) == len(parts["test"])
    with pytest.raises(ValueError, match=r"1 records of the split .* are not in the source, such as '999'"):
        read_split(ROWS[:-1], tmp_path / "split.json", key="id")


def test_a_split_file_must_be_one(tmp_path):
    file = tmp_path / "split.json"
    for text in ("{", "[]", '{"parts": {"a": ["1"], "b": ["1"]}}', '{"parts": 3}'):
        file.write_text(text)
        with pytest.raises(ValueError, match="is not a split file"):
            read_split(ROWS, file, key="id")
    with pytest.raises(ValueError, match="keys that stay on one side"):
        save_split({"a": ROWS[:3], "b": ROWS[2:4]}, file, key="id")
    with pytest.raises(FileNotFoundError):
        read_split(ROWS, tmp_path / "none.json")


def test_stratified_sizes_equal_scikit_learn():
    """Parity with sklearn's stratified train_test_split in the size of each class in each part."""
    selection = pytest.importorskip("sklearn.model_selection")
    labels = [record["label"] for record in ROWS]
    _, test = selection.train_test_split(labels, test_size=0.2, stratify=labels, random_state=0)
    ours = [record["label"] for record in split_by_hash(ROWS, {"train": 0.8, "test": 0.2}, key="id", stratify="label")["test"]]
    assert sorted(ours) == sorted(test)


def test_parts_by_number_hold_so_many_and_do_not_depend_on_order():
    """split_by_count, property: exact numbers, a partition, the same from any order; what is not asked for belongs to no part."""
    parts = split_by_count(ROWS, {"test": 137, "val": 61, "train": None}, key="id")
    assert {name: len(part) for name, part in parts.items()} == {"test": 137, "val": 61, "train": 802}
    assert ids(parts["train"]) | ids(parts["val"]) | ids(parts["test"]) == set(range(1000))
    shuffled = list(ROWS)
    random.Random(1).shuffle(shuffled)
    again = split_by_count(shuffled, {"test": 137, "val": 61, "train": None}, key="id")
    assert all(ids(parts[name]) == ids(again[name]) for name in parts)
    assert ids(parts["test"]) != ids(split_by_count(ROWS, {"test": 137}, key="id", seed=1)["test"])
    assert len(split_by_count(ROWS, {"few": 10}, key="id")["few"]) == 10


@pytest.mark.parametrize("count", [20, 100, 333])
def test_parts_by_number_keep_the_proportions_of_classes(count):
    """split_by_count, closed form: a tenth of the records is rare; of any number asked for, a tenth within one record is."""
    parts = split_by_count(ROWS, {"test": count, "val": count, "train": None}, key="id", stratify="label")
    for name in ("test", "val"):
        rare = sum(record["label"] == "rare" for record in parts[name])
        assert len(parts[name]) == count and abs(rare - count / 10) <= 1


def test_parts_by_number_keep_groups_together():
    parts = split_by_count(ROWS, {"test": 12, "val": 5, "train": None}, key="patient")
    patients = [{record["patient"] for record in part} for part in parts.values()]
    assert not patients[0] & patients[1] and not patients[0] & patients[2] and not patients[1] & patients[2]
    assert [len(part) for part in parts.values()] == [15, 5, 980]
    both = split_by_count(ROWS, {"test": 50, "train": None}, key="patient", stratify="label")
    assert not {r["patient"] for r in both["test"]} & {r["patient"] for r in both["train"]} and 50 <= len(both["test"]) < 55


def test_numbers_that_cannot_be_had_are_refused():
    for wrong, message in (({"a": 999, "b": 2}, "of 1,000; ask for fewer"), ({"a": 1000, "b": None}, "and a rest"), ({"a": 0}, "from 1 on"), ({"a": None, "b": None}, "one part")):
        with pytest.raises(ValueError, match=message):
            split_by_count(ROWS, wrong)
    with pytest.raises(ValueError, match="Nothing is left for the part 'b'"):
        split_by_count([{"p": 1}] * 4, {"a": 1, "b": 2}, key="p")
    with pytest.raises(ValueError, match="Nothing is left for the part 'b'"):
        split_by_count([{"p": 1}] * 4, {"a": 1, "b": None}, key="p")
