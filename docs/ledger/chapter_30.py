"""Rows and pitfalls of chapter 30."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("30.15", "Places to change the training", "estimator/sharpness_aware", "tests/optim/test_estimators.py::test_sharpness_aware_equals_two_passes_by_hand"),
    Row("30.16", "Metric API", "weft.metrics:Metric", "tests/metrics/test_metric.py::test_merged_shards_give_what_the_whole_gives", "intervals by bootstrap, groups, parity with torchmetrics"),
    Row("30.20", "Deterministic splits", "weft.data:split_by_hash", "tests/data/test_split.py::test_order_and_growth_move_nobody", "by time, k-fold"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
