"""Rows and pitfalls of chapter 08."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("08.1", "Optimizer factories", "optimizer/adamw", "tests/optim/test_optimizers.py::test_steps_are_torchs", "the other optimizers of torch, size of the state"),
    Row("08.2", "SGD family", "optimizer/sgd", "tests/optim/test_optimizers.py::test_steps_are_torchs", "the classical convention"),
    Row("08.3", "Adam", "optimizer/adam", "tests/optim/test_optimizers.py::test_steps_are_torchs", "AMSGrad"),
    Row("08.4", "AdamW", "optimizer/adamw", "tests/optim/test_optimizers.py::test_steps_are_torchs"),
    Row("08.9", "L-BFGS", "optimizer/lbfgs", "tests/optim/test_optimizers.py::test_lbfgs_reaches_the_optimum_of_logistic_regression", "a warning when batches change"),
    Row("08.10", "Parameter groups", "weft.optim:decay_groups", "tests/optim/test_optimizers.py::test_decay_groups_by_shape_and_name", "groups by type"),
    Row("08.11", "Layer-wise rates", "optimizer/layerwise", "tests/optim/test_optimizers.py::test_layerwise_rates_follow_the_order", "depth maps by architecture"),
    Row("08.12", "Epoch schedules", "schedule/step_decay", "tests/optim/test_schedules.py::test_values", "polynomial, by epoch"),
    Row("08.13", "Plateau schedule", "schedule/plateau", "tests/optim/test_schedules.py::test_plateau_by_table", "cooldown"),
    Row("08.15", "Warm-up and cosine", "schedule/cosine", "tests/optim/test_schedules.py::test_what_follows_counts_from_where_the_first_ends", "trapezoid by name, parity with transformers"),
    Row("08.16", "Composition of schedules", "weft.optim:Schedule", "tests/optim/test_schedules.py::test_a_skipped_step_does_not_advance_a_schedule", "a preview"),
    Row("08.17", "Clipping by norm", "gradient/clip_norm", "tests/engine/test_fit.py::test_clipping_is_that_of_torch", "other norms than the Euclidean"),
    Row("08.18", "Clipping by value", "gradient/clip_value", "tests/optim/test_gradients.py::test_clip_value_is_torchs"),
    Row("08.25", "SAM and adaptive SAM", "estimator/sharpness_aware", "tests/optim/test_estimators.py::test_sharpness_aware_equals_two_passes_by_hand", "m-sharpness"),
    Row("08.33", "Constraints on weights", "followup/constrain", "tests/optim/test_averages.py::test_constrain_holds_after_every_step", "projections by name"),
    Row("08.36", "Averages of weights", "followup/ema", "tests/optim/test_averages.py::test_ema_is_the_weighted_sum", "SWA with batch-norm update, averaging of checkpoints"),
    Row("08.43", "Gradient transformations", "gradient/centralise", "tests/optim/test_gradients.py::test_centralise_takes_the_mean_of_each_output", "normalisation, projection"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
