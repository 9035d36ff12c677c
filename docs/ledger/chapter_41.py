"""Rows and pitfalls of chapter 41."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("41.2", "Profiled run", "listener/profile", "tests/observe/test_profile.py::test_profile_records_the_chosen_steps", "flame graphs, FLOPs"),
    Row("41.14", "Compilation", "weft.engine:Runtime", "tests/optim/test_whole_step.py::test_it_equals_the_eager_step", "other modes, report of breaks, cost of the first step"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
