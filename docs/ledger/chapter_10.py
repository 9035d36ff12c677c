"""Rows and pitfalls of chapter 10."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("10.1", "Training loop", "weft.engine:fit", "tests/engine/test_fit.py::test_supervised_is_bitwise_the_loop_written_by_hand"),
    Row("10.3", "Functional pieces", "weft.engine:evaluate", "tests/engine/test_evaluate.py::test_metrics_weigh_samples_not_batches", "one epoch alone"),
    Row("10.4", "Whole pipeline in one run", "weft.recipes:run", "tests/recipes/test_run.py::test_a_run_writes_down_everything_that_it_was_asked", "a count of how often the test data is read"),
    Row("10.5", "Validation", "weft.engine:Evaluation", "tests/engine/test_evaluate.py::test_evaluation_leaves_no_trace", "before the first step"),
    Row("10.6", "Prediction", "weft.engine:Method", "tests/engine/test_method.py::test_predict_runs_in_eval_and_inference_mode_and_puts_modes_back", "over a whole loader"),
    Row("10.7", "Metrics framework", "weft.metrics:Metric", "tests/metrics/test_metric.py::test_merged_shards_give_what_the_whole_gives", "a bound on memory, a flag for differentiable ones"),
    Row("10.8", "Classification metrics", "metric/f1", "tests/metrics/test_confusion.py::test_equals_scikit_learn", "Matthews, kappa, Brier, several labels"),
    Row("10.9", "Regression metrics", "metric/r2", "tests/metrics/test_regression.py::test_equal_scikit_learn", "MAPE, Pearson, Spearman, explained variance"),
    Row("10.12", "History and curves", "listener/metrics_file", "tests/observe/test_metrics_file.py::test_a_resumed_run_leaves_the_file_of_an_uninterrupted_one", "memory in use, CSV"),
    Row("10.13", "Listeners", "weft.engine:fit", "tests/engine/test_fit.py::test_order_of_a_step_and_of_an_epoch", "a timer, garbage collection, memory"),
    Row("10.14", "Early stopping", "listener/early_stop", "tests/observe/test_early_stop.py::test_early_stop_by_the_table", "baseline, start"),
    Row("10.15", "Best and periodic checkpoints", "weft.engine:Checkpoints", "tests/engine/test_checkpoints.py::test_the_last_ones_and_the_best_ones_are_kept"),
    Row("10.16", "Full state and resume", "weft.engine:State", "tests/acid/test_killed.py::test_twenty_deaths_change_nothing"),
    Row("10.17", "Checkpoint safety", "weft.engine:Checkpoints", "tests/engine/test_checkpoints.py::test_two_hundred_damages_are_found", "compression"),
    Row("10.18", "Mixed precision", "weft.engine:Runtime", "tests/engine/test_gradient.py::test_float16_scaling_finds_its_scale_and_skips_overflow", "a proof of float16 on a GPU, scale and skips in the log"),
    Row("10.19", "Accumulation", "weft.engine:Update", "tests/engine/test_gradient.py::test_microbatches_equal_one_batch_on_ragged_terms"),
    Row("10.21", "Clipping in the loop", "gradient/clip_norm", "tests/optim/test_gradients.py::test_transforms_run_in_order_and_may_log", "adaptive clipping"),
    Row("10.22", "Learning-rate finder", "weft.observe:find_rate", "tests/observe/find/test_rate.py::test_it_explodes_where_the_theory_says", "a command of its own"),
    Row("10.23", "Batch-size finder", "weft.observe:find_batch_size", "tests/observe/find/test_batch_size.py::test_the_budget_decides", "a run on a GPU, a command of its own"),
    Row("10.24", "Going on when memory runs out", "estimator/memory_fallback", "tests/optim/test_memory.py::test_it_trains_as_with_so_many_microbatches_from_the_start", "a run on a GPU"),
    Row("10.25", "Gradient monitor", "listener/gradient_monitor", "tests/observe/health/test_gradients.py::test_values_equal_the_naive_ones", "a plot of the flow, histograms; at every 50 steps it costs more than 5 % of a step of half a millisecond"),
    Row("10.26", "Activation monitor", "listener/activation_monitor", "tests/observe/health/test_activations.py::test_a_planted_dead_unit_is_named_and_counted_exactly", "activations called as functions while training: a single look sees them"),
    Row("10.27", "Recovery from non-finite steps", "weft.engine:Runtime", "tests/engine/test_update.py::test_rolling_back_returns_to_the_last_good_snapshot", "lowering of the rate, change of precision, checks of buffers"),
    Row("10.29", "Troubleshooter", "weft.observe:diagnose", "tests/observe/health/test_signs.py::test_scripted_trainings_are_told_apart"),
    Row("10.30", "Statistics during a run", "listener/health", "tests/observe/health/test_gradients.py::test_values_equal_the_naive_ones", "statistics of the data beyond the input's scale"),
    Row("10.31", "TensorBoard", "listener/tensorboard", "tests/observe/test_tensorboard.py::test_tensorboard_reads_back_what_was_logged", "histograms, graph"),
    Row("10.32", "Several optimizers and closures", "method/gan", "tests/engine/test_fit.py::test_gan_is_bitwise_the_loop_written_by_hand"),
    Row("10.34", "Sanity tools", "weft.observe:check_method", "tests/observe/health/test_sanity.py::test_all_quick_checks_at_once_change_nothing"),
    Row("10.35", "Linter of runs", "weft.observe:lint", "tests/observe/health/test_lint.py::test_each_rule_finds_its_fault_and_leaves_the_good_in_peace"),
    Row("10.36", "Runs from parameters", "weft.recipes:run", "tests/recipes/test_run.py::test_the_seed_decides_everything", "inheritance between files"),
    Row("10.43", "Diagnosis of mixed precision", "weft.observe:compare_precision", "tests/observe/health/test_precision.py::test_a_planted_overflow_is_named", "counters of overflow, gradients, speed and memory against float32"),
    Row("10.50", "Comparing runs", "weft.observe:compare", "tests/observe/test_compare.py::test_only_differing_arguments_are_shown_beside_the_results", "statistical tests"),
    Row("10.52", "Guidance on gradients that vanish or explode", "weft.observe:diagnose", "tests/observe/health/test_gradients.py::test_the_trend_shows_a_gradient_that_vanishes", "the comparison of recurrent cells over time"),
    Row("10.57", "Methods by paradigm", "weft.engine:Method", "tests/contracts/test_methods.py::test_it_learns_a_toy", "semi-supervised"),
    Row("10.60", "Freezing and averages", "followup/ema", "tests/engine/test_evaluate.py::test_average_weights_are_measured_unless_the_network_is_asked_for", "schedules by epoch: stages do it instead"),
    Row("10.63", "Graceful interruption", "weft.engine:fit", "tests/engine/test_fit.py::test_signals_save_a_checkpoint_and_leave"),
)
PITFALLS: tuple[tuple[str, str], ...] = (
    ("Gradient monitors that fail on bfloat16 or read each value from the device by itself", "tests/observe/health/test_gradients.py::test_bfloat16_weights_are_watched"),
    ("Zeros of GELU or leaky ReLU called dead", "tests/observe/health/test_activations.py::test_zeros_of_smooth_activations_are_not_called_dead"),
    ("A unit called dead after one batch", "tests/observe/health/test_activations.py::test_a_unit_that_wakes_is_not_dead"),
    ("The deviation of one element is NaN", "tests/observe/health/test_weights.py::test_one_element_has_a_deviation_of_zero"),
    ("Hooks of monitors that stay after an error", "tests/observe/health/test_activations.py::test_hooks_come_off_even_after_a_failure"),
    ("Monitors that keep the graph", "tests/observe/health/test_activations.py::test_the_graph_is_not_kept"),
    ("The test data chooses the best weights", "tests/observe/health/test_lint.py::test_shared_records_are_found_whatever_the_object"),
    ("A warm-up longer than the training", "tests/observe/health/test_lint.py::test_each_rule_finds_its_fault_and_leaves_the_good_in_peace"),
)
