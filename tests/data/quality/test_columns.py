"""Column summaries: exact where they can be, and independent of how the values come."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from weft.data.quality.columns import SAMPLE, ColumnSummary, interpreted, located


def summed(values, piece):
    column = ColumnSummary("x")
    for start in range(0, len(values), piece):
        part = values[start : start + piece]
        column.update(part, list(range(start + 1, start + len(part) + 1)))
    return column


def test_moments_equal_numpy_and_pieces_change_nothing():
    """Parity with numpy, far from zero, where a sum of squares would lose all digits."""
    x = (np.random.default_rng(0).normal(1e6, 1.0, 7000)).tolist()
    whole, pieces = summed(x, 7000), summed(x, 613)
    a, b = whole.summary(), pieces.summary()
    assert a["mean"] == pytest.approx(np.mean(x), rel=1e-12) and a["std"] == pytest.approx(np.std(x), rel=1e-9)
    assert b["mean"] == pytest.approx(a["mean"], rel=1e-12) and b["std"] == pytest.approx(a["std"], rel=1e-9)
    assert (a["min"], a["max"]) == (min(x), max(x)) and a["quartiles"] == b["quartiles"] and a["histogram"] == b["histogram"]
    assert sum(a["histogram"]["counts"]) == SAMPLE
    assert a["quartiles"] == pytest.approx(np.quantile(x, [0.25, 0.5, 0.75]), abs=0.08)


def test_kinds_missing_values_and_categories_are_counted():
    column = summed([interpreted(cell) for cell in ("3", "", "x", "4.5", "NA", "007")], 2)
    found = column.summary()
    assert (found["count"], found["missing"], found["kind"]) == (4, 2, "number")
    problems = {problem.kind: str(problem) for problem in column.problems()}
    assert problems["missing"] == "row 2, column 'x': 2 of 6 values are missing (33.3%) (rows 2, 5)"
    assert problems["mixed types"] == "row 3, column 'x': 2 of 4 values are text where most are number (rows 3, 6)"
    texts = summed(["a", "b", "a", True, datetime.date(2020, 1, 1), [1]], 6)
    assert texts.summary()["values"] == {"a": 2, "b": 1, "True": 1} and texts.kinds == {"text": 3, "boolean": 1, "time": 1, "nested": 1}


def test_not_a_number_is_missing_and_infinity_a_problem():
    column = summed([1.0, float("nan"), float("inf"), 2.0], 4)
    assert column.summary()["missing"] == 1 and column.summary()["max"] == 2.0
    assert [problem.kind for problem in column.problems()] == ["missing", "infinite"]
    assert summed([1, 2, 10**400, -(10**400)], 2).kinds == {"number": 2, "infinite": 2}  # JSON may hold such a number


def test_far_values_are_named_with_their_rows():
    x = np.random.default_rng(1).normal(0, 1, 5000)
    x[[17, 4321]] = 40, -35
    column = summed(x.tolist(), 500)
    assert sorted(column.outliers()) == [(-35.0, 4322), (40.0, 18)]
    assert summed(np.random.default_rng(2).uniform(0, 1, 5000).tolist(), 500).outliers() == []


def test_a_constant_column_and_bad_letters_are_said():
    assert [problem.kind for problem in summed(["a"] * 5, 2).problems()] == ["constant"]
    column = summed(["fine", "cafÃ©", "a\x00b", "naïve"], 2)
    assert {problem.kind: problem.row for problem in column.problems()} == {"mojibake": 2, "control": 3}


def test_memory_does_not_grow_with_the_values():
    column = summed([f"value {i}" for i in range(5000)] + list(range(20000)), 1000)
    assert column.values is None and column.summary()["distinct"] == "more than 1,000"
    assert len(column.sample[0]) == SAMPLE and all(len(places) <= 10 for places in column.places.values())


@pytest.mark.parametrize(("cell", "value"), [("1", 1), ("-2.50", -2.5), ("1e3", 1000.0), ("01", "01"), ("null", None), ("", None), ("9" * 30, 1e30), ("inf", float("inf"))])
def test_cells_mean_what_they_mean_in_a_table(cell, value):
    assert interpreted(cell) == value and type(interpreted(cell)) is type(value)


def test_places_in_several_files():
    assert located([("a.csv", 2), ("b.csv", 9)], 2) == ("a.csv", 2, " (a.csv row 2, b.csv row 9)")
