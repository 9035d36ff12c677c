"""Rows and pitfalls of chapter 40."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("40.2", "Mixed-precision step", "weft.engine:Runtime", "tests/engine/test_gradient.py::test_float16_scaling_finds_its_scale_and_skips_overflow", "a loss curve beside float32 on real data"),
    Row("40.5", "Guard against non-finite numbers", "weft.engine:NonFinite", "tests/engine/test_update.py::test_a_non_finite_step_names_update_parameter_and_sample", "buffers, optimizer state, outputs by layer"),
    Row("40.9", "Clipping by global norm", "gradient/clip_norm", "tests/optim/test_gradients.py::test_clip_norm_is_torchs", "other norms"),
    Row("40.10", "Clipping by value", "gradient/clip_value", "tests/optim/test_gradients.py::test_clip_value_is_torchs"),
    Row("40.17", "Xavier and He initialisation", "weft.nn:initialize", "tests/nn/initialization/test_schemes.py::test_orthogonal_rows_and_convolutions", "a bound of [0.5, 2] on the variance through 50 layers (30 layers are tested, within [0.2, 5])"),
    Row("40.21", "Warm-up and cosine", "schedule/warmup", "tests/optim/test_schedules.py::test_what_follows_counts_from_where_the_first_ends", "parity with transformers"),
    Row("40.22", "Plateau", "schedule/plateau", "tests/optim/test_schedules.py::test_plateau_by_table", "cooldown, parity with torch"),
    Row("40.24", "Stable cross-entropies", "loss/binary_cross_entropy", "tests/losses/test_binary_cross_entropy.py::test_extreme_logits_keep_value_and_gradient", "an ignored index: a mask says it instead; on probabilities"),
    Row("40.48", "Resume of monitors and guards", "listener/early_stop", "tests/observe/test_early_stop.py::test_state_goes_on_where_it_was", "monitors yet to come"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
