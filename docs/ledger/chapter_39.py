"""Rows and pitfalls of chapter 39."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("39.18", "Accumulation", "weft.engine:Update", "tests/engine/test_gradient.py::test_microbatches_equal_one_batch_on_ragged_terms", "a number of pieces from the memory"),
    Row("39.41", "Tied weights", "weft.serve:Bundle", "tests/serve/test_weights.py::test_tied_weights_are_stored_once_and_stay_tied", "counted once in a report"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
