"""Rows and pitfalls of chapter 15."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("15.8", "SAM", "estimator/sharpness_aware", "tests/optim/test_estimators.py::test_sharpness_aware_equals_two_passes_by_hand", "parity with pytorch_optimizer"),
    Row("15.23", "Elastic weight consolidation", "method/ewc", "tests/methods/continual/test_ewc.py::test_fisher_is_the_mean_square_of_each_samples_gradient", "five tasks of permuted digits"),
    Row("15.38", "Complete resume", "weft.engine:State", "tests/contracts/test_methods.py::test_it_resumes_bit_for_bit", "methods yet to come: pseudo-labels, curricula, attacks"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
