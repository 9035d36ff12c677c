"""Rows and pitfalls of chapter 32."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("32.12", "DP-SGD", "estimator/private", "tests/optim/test_estimators.py::test_private_gradients_equal_opacus", "noise found from a target"),
    Row("32.14", "Per-sample gradients", "estimator/private", "tests/optim/test_estimators.py::test_private_gradients_equal_opacus", "one by one for each kind of layer"),
    Row("32.15", "DP optimizer", "estimator/private", "tests/optim/test_estimators.py::test_private_noise_is_added_once_a_step", "a cryptographic generator"),
    Row("32.16", "Privacy accountant", "estimator/private", "tests/optim/test_estimators.py::test_private_spends_what_opacus_says", "others than that of opacus"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
