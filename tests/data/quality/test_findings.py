"""Problems stay bounded, and a report is plain data."""

from __future__ import annotations

import json

import pytest

from weft.data import quality
from weft.data.quality.findings import Inspection, Problem, Problems, listed


def test_a_problem_says_file_row_and_column():
    assert str(Problem("k", "is odd", "a.csv", 3, "age")) == "a.csv, row 3, column 'age': is odd"
    assert str(Problem("k", "all is odd")) == "all is odd"


def test_what_is_beyond_the_bound_is_still_counted():
    found = Problems(most=3)
    for i in range(10):
        found.add(Problem("bad", "x", f"{i}.png"), Problem("odd", "y", f"{i}.png", severity="error"))
    assert len(found) == 6 and found.counts == {"bad": 10, "odd": 10}
    assert [problem.severity for problem in found.sorted()] == ["error"] * 3 + ["warning"] * 3
    assert [problem.file for problem in found.of("bad")] == ["0.png", "1.png", "2.png"]


def test_a_report_is_json_and_text():
    found = Inspection("rows.csv", "tables", {"rows": 3}, {"a": 2, "b": 1}, columns={"age": {"kind": "text", "count": 3, "missing": 0, "distinct": 3}})
    found.problems.add(*(Problem("row", "too short", "rows.csv", row) for row in range(20)))
    plain = json.loads(json.dumps(found.to_json()))
    assert plain["problem_counts"] == {"row": 20} and plain["problems"][4] == {"kind": "row", "message": "too short", "file": "rows.csv", "row": 4, "severity": "warning"}
    text = str(found)
    assert "3 rows" in text and "a 2, b 1" in text and "age  text, 3 values, 3 distinct" in text and "and 12 more" in text
    assert found.files == {"rows.csv"}


def test_places_are_listed_with_the_number_of_the_rest():
    assert listed("abc", 3) == "a, b, c" and listed("abc", 1003) == "a, b, c and 1,000 more"


@pytest.mark.parametrize("name", quality.TABLE)
def test_the_example_of_every_check_runs(name):
    """Contract: the shelf has a ready-made example of each entry, and it gives a result."""
    assert quality.examples()[name]() is not None
