"""One score of quality, who stays by it, and the way back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data import quality_scores, quarantine, restore


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.one_of(st.none(), st.floats(-5, 5))), min_size=2, max_size=12), st.floats(0.1, 3))
def test_scores_are_weighted_ranks(rows, weight):
    """quality_scores, brute force: for each record the share of others that are worse, ties half, weighed; unknown values take no part."""
    a = torch.tensor([float(x) for x, _ in rows])
    b = torch.tensor([float("nan") if y is None else y for _, y in rows], dtype=torch.float64)
    found = quality_scores({"a": a, "b": b}, {"a": 1.0, "b": weight}, low_is_good=["b"])

    def rank(values, i, sign):
        others = [sign * v for j, v in enumerate(values) if v == v and j != i]
        own = sign * values[i]
        return sum(v < own for v in others) / len(others) + sum(v == own for v in others) / 2 / len(others) if others else 1.0

    for i, (_, y) in enumerate(rows):
        parts = [(1.0, rank(a.tolist(), i, 1))] + ([] if y is None else [(weight, rank(b.tolist(), i, -1))])
        assert float(found.score[i]) == pytest.approx(sum(w * r for w, r in parts) / sum(w for w, _ in parts))
    assert bool((found.score >= 0).all()) and bool((found.score <= 1).all())


def test_who_stays_is_counted_and_the_reason_is_named():
    """Quality.keep, closed form: by threshold and by number, equal ones in their order; what goes is named with the signal that cost most."""
    found = quality_scores({"sharp": torch.tensor([0.0, 5, 9, 9]), "clean": torch.tensor([1.0, 0, 1, 1])})
    assert found.keep(best=2).tolist() == [2, 3] and found.keep(best=1).tolist() == [2] and found.keep(best=99).tolist() == [0, 1, 2, 3]
    assert found.keep(threshold=float(found.score[0])).tolist() == [i for i in range(4) if found.score[i] >= found.score[0]]
    problems = found.problems(found.keep(best=2), ["a", "b", "c", "d"])
    assert {problem.file for problem in problems} == {"a", "b"} and [found.score["abcd".index(p.file)] for p in problems] == sorted(found.score[:2])
    assert {p.file: p.message.rpartition(" ")[2] for p in problems} == {"a": "sharp", "b": "clean"}
    with pytest.raises(ValueError, match="give one of the two"):
        found.keep()
    with pytest.raises(ValueError, match="1 names for 4"):
        found.problems(torch.tensor([0]), ["a"])


def test_what_goes_can_come_back(tmp_path):
    """quality_scores and quarantine, property: a trial moves nothing, the worst files go, counts match, and all come back as they were."""
    data, aside = tmp_path / "data", tmp_path / "aside"
    data.mkdir()
    names = [f"{n}.txt" for n in range(6)]
    for n, name in enumerate(names):
        (data / name).write_text("x" * n)
    found = quality_scores({"length": torch.tensor([float((data / name).stat().st_size) for name in names])})
    problems = found.problems(found.keep(best=4), names)
    assert quarantine(data, problems, aside, dry_run=True).count == 2 and len(list(data.iterdir())) == 6
    moved = quarantine(data, problems, aside)
    assert moved.count == 2 and sorted(path.name for path in data.iterdir()) == names[2:]
    assert restore(aside) == 2 and [(data / name).read_text() for name in names] == ["x" * n for n in range(6)]


def test_nonsense_is_refused():
    one = {"a": torch.zeros(2)}
    for signals, more, message in (
        ({}, {}, "at least one"),
        ({"a": torch.zeros(2), "b": torch.zeros(3)}, {}, "equal length"),
        (one, {"weights": {"b": 1.0}}, "no signal 'b'"),
        (one, {"low_is_good": ["c"]}, "no signal 'c'"),
        (one, {"weights": {"a": 0.0}}, "not all 0"),
        ({"a": torch.tensor([1.0, float("nan")])}, {}, "Record 1 has no signal"),
    ):
        with pytest.raises(ValueError, match=message):
            quality_scores(signals, **more)
