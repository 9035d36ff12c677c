"""Rows and pitfalls of chapter 28."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("28.1", "Tabular pipeline", "recipe/table", "tests/recipes/test_table.py::test_a_classification_learns_and_is_packed", "ordinal columns, dates, other scalings, split by time"),
    Row("28.2", "MLP with dropout for tables", "model/table_net", "tests/recipes/test_table.py::test_breast_cancer_is_told_as_well_as_by_logistic_regression", "several labels, a claim on diabetes"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
