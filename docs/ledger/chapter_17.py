"""Rows and pitfalls of chapter 17."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("17.4", "Exported program", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_exported_graph_gives_the_same_output", "dynamic sizes, a command"),
    Row("17.5", "Compilation", "weft.engine:Runtime", "tests/optim/test_whole_step.py::test_it_equals_the_eager_step", "report of breaks and recompilations, other modes"),
    Row("17.20", "Predict API", "weft.serve:Bundle", "tests/serve/test_bundle.py::test_round_trip_answers_as_the_network_did", "streaming, errors by item"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
