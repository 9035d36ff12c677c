"""Rows and pitfalls of chapter 38."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("38.2", "Device selection", "weft.parallel:Runtime", "tests/parallel/test_runtime.py::test_auto_device_is_the_first_that_is_there", "naming of the tensor elsewhere"),
    Row("38.13", "Mixed precision on every device", "weft.parallel:Runtime", "tests/parallel/test_runtime.py::test_autocast_computes_in_the_named_precision", "a proof on a GPU"),
    Row("38.35", "Hardware in the run's record", "weft.observe:environment", "tests/observe/test_environment.py::test_the_environment_is_json_and_names_what_matters", "driver, clocks, topology"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
