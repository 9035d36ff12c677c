"""Rows and pitfalls of chapter 36."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("36.5", "Model unit tests", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_forward_and_backward_reach_every_parameter", "a planted defect for each check, extreme inputs"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
