"""Schemas: inferred ones accept their own data; each broken rule is named with row and column."""

from __future__ import annotations

import datetime
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weft.data import Field, Schema, Table
from weft.data.quality.schema import fitting

ROWS = [
    {"id": i, "age": 20 + i % 50, "score": i / 7, "city": ("Rome", "Oslo", "Bonn")[i % 3], "note": f"note {i}", "paid": i % 2 == 0, "day": datetime.date(2020, 1, 1 + i % 28), "x": torch.zeros(3, i % 4)}
    for i in range(60)
]  # fmt: skip
ROWS[5]["note"] = None

values = st.one_of(st.none(), st.integers(), st.floats(allow_nan=True), st.text(), st.booleans())


@given(st.lists(st.fixed_dictionaries({"a": st.integers(), "b": st.one_of(st.none(), st.floats(allow_infinity=False)), "c": st.text(), "d": st.booleans()}), min_size=1, max_size=40))
def test_an_inferred_schema_accepts_its_own_data(rows):
    """Schema, property: whatever the data, and again after a way through JSON."""
    if all(row["b"] is None or row["b"] != row["b"] for row in rows):
        rows = [{**row, "b": 0.5} for row in rows]
    schema = Schema.infer(rows)
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert schema.check(rows).bad == () and again == schema


def test_inference_finds_types_ranges_sets_and_shapes():
    fields = Schema.infer(ROWS).fields
    assert fields["id"] == Field("integer", low=0, high=59, unique=True) and fields["age"] == Field("integer", low=20, high=69)
    assert fields["city"].values == ("Bonn", "Oslo", "Rome") and fields["note"].required is False and fields["note"].values is None
    assert fields["paid"].type == "boolean" and fields["day"].low == "2020-01-01" and fields["x"].shape == (3, None)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("id", 7, "7 stands in an earlier row too"),
        ("id", None, "is missing"),
        ("age", 150, "150 is above 69"),
        ("age", 3, "3 is below 20"),
        ("age", "old", "'old' is text; expected integer"),
        ("age", 30.5, "30.5 is number; expected integer"),
        ("score", float("nan"), "is missing"),
        ("score", True, "True is boolean; expected number"),
        ("city", "Romme", "'Romme' is none of the 3 known values. Did you mean 'Rome'?"),
        ("note", "n" * 99, "the length 99 is above 7"),
        ("paid", 1, "1 is integer; expected boolean"),
        ("day", datetime.date(2021, 5, 1), "is above 2020-01-28"),
        ("x", torch.zeros(4, 2), "has the shape (4, 2); expected (3, None)"),
        ("x", [1], "is nested; expected array"),
    ],
)
def test_each_broken_rule_is_named_with_row_and_column(column, value, message):
    schema = Schema.infer(ROWS)
    rows = [dict(row) for row in ROWS]
    rows[30][column] = value
    checked = schema.check(rows, policy="quarantine", file="rows.csv")
    (problem,) = checked.problems
    assert (problem.row, problem.column, problem.file) == (31, column, "rows.csv") and message in problem.message
    assert checked.bad == (30,) and len(checked.good) == 59


def test_missing_and_strange_columns():
    schema = Schema({"age": Field("integer"), "city": Field("text", required=False)}, closed=True)
    checked = schema.check([{"age": 3}, {"agee": 3}], policy="quarantine")
    assert [str(problem) for problem in checked.problems] == [
        "row 2, column 'age': is not there. Did you mean 'agee'?",
        "row 2, column 'agee': is a column without rules. Did you mean 'age'?",
    ]


def test_stop_raises_with_the_places():
    with pytest.raises(ValueError, match=r"1 of 2 records break the rules:\n  row 2, column 'a': is missing\nMend them, or pass policy="):
        Schema({"a": Field("integer")}).check([{"a": 1}, {"a": None}])
    with pytest.raises(ValueError, match="policy='skip'"):
        Schema({}).check([], policy="skip")


def test_coercion_turns_only_what_is_meant():
    schema = Schema({"n": Field("integer"), "x": Field("number"), "t": Field("text"), "b": Field("boolean"), "d": Field("time", required=False)})
    rows = [
        {"n": " 12 ", "x": "1.5", "t": 7, "b": "Yes", "d": "2020-02-03"},
        {"n": 3.0, "x": 2, "t": " a ", "b": 0, "d": None},
        {"n": 3.5, "x": "1,5", "t": "a", "b": "maybe", "d": "soon"},
    ]
    checked = schema.check(rows, policy="coerce")
    assert checked.good == [{"n": 12, "x": 1.5, "t": "7", "b": True, "d": datetime.datetime(2020, 2, 3)}, {"n": 3, "x": 2, "t": "a", "b": False, "d": None}]
    assert checked.bad == (2,) and {problem.column for problem in checked.problems} == {"n", "x", "b", "d"}
    assert rows[0]["n"] == " 12 "  # records are not changed in place


def test_rows_of_a_source_keep_their_place(tmp_path):
    (tmp_path / "a.csv").write_text("age,city\n20,Rome\n200,Oslo\n30,Rome\n")
    checked = Schema({"age": Field("integer", high=99)}).check(Table(tmp_path / "a.csv"), policy="quarantine", rows=[2, 3, 4])
    assert [record["age"] for record in checked.good] == [20, 30] and checked.problems.kept[0].row == 3 and "2 records keep the rules, 1 do not" in str(checked)


def test_patterns_are_for_whole_texts_and_bounded():
    pytest.importorskip("pyarrow")
    schema = Schema({"code": Field("text", pattern="[A-Z]{2}-[0-9]+")})
    checked = schema.check([{"code": "AB-12"}, {"code": "xAB-12"}, {"code": "AB-12\n"}], policy="quarantine")
    assert checked.bad == (1, 2) and "'xAB-12' does not match" in checked.problems.kept[0].message
    assert fitting("(a+)+b", ["a" * 50_000]) == [False]  # exponential where a matcher goes back
    assert fitting("(a|aa)*(a?){50}c", ["a" * 20_000]) == [False]
    for bad in ("(", "(?<=a)b", r"(a)\1", "a{1,100000}", "x" * 400):
        with pytest.raises(ValueError, match="pattern"):
            Field("text", pattern=bad)
    with pytest.raises(ValueError, match="A pattern is for text"):
        Field("integer", pattern="a")


def test_drift_between_two_versions_is_said_rule_by_rule():
    old = Schema.infer(ROWS)
    new = Schema.infer([{**row, "age": row["age"] + 5, "city": "Paris" if row["city"] == "Bonn" else row["city"], "id": row["id"] / 2, "extra": 1} for row in ROWS])
    said = {(problem.column, problem.message) for problem in old.drift(new)}
    assert {("age", "low changed from 20 to 25"), ("age", "high changed from 69 to 74"), ("id", "the type changed from integer to number"), ("extra", "is new")} <= said
    assert ("city", "new values 'Paris'; gone values 'Bonn'") in said
    assert old.drift(old) == [] and ("extra", "is gone") in {(problem.column, problem.message) for problem in new.drift(old)}


def test_what_has_no_one_type_is_refused():
    with pytest.raises(ValueError, match="integer, text"):
        Schema.infer([{"a": 1}, {"a": "x"}])
    with pytest.raises(ValueError, match="no records"):
        Schema.infer([])
    with pytest.raises(ValueError, match=r"unknown rule 'hihg'. Did you mean 'high'"):
        Schema.from_json({"fields": {"a": {"type": "number", "hihg": 3}}})
    with pytest.raises(ValueError, match="of type 'int'"):
        Field("int")
