"""Rows and pitfalls of chapter 11."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("11.1", "Data-parallel training", "weft.engine:fit", "tests/engine/test_gradient.py::test_two_ranks_equal_one_process", "a proof on several GPUs, four ranks"),
    Row("11.2", "Process group start and stop", "weft.parallel:join", "tests/parallel/test_launch.py::test_joining_twice_is_the_same_group", "one error for all missing variables, twenty starts"),
    Row("11.3", "Environment variables", "weft.parallel:join", "tests/parallel/test_launch.py::test_each_rank_gets_what_torchrun_would_say", "cross-checks"),
    Row("11.4", "Local launcher", "weft.parallel:launch", "tests/parallel/test_launch.py::test_a_failing_rank_gives_its_status_and_stops_the_others", "the traceback of the failing rank, tested; four ranks from the command line"),
    Row("11.5", "torchrun", "weft.parallel:join", "tests/recipes/test_run.py::test_torchrun_runs_a_recipe_unchanged", "the older --local_rank argument"),
    Row("11.6", "Shares of ranks", "weft.data:Loader", "tests/data/test_stream.py::test_ranks_together_see_each_batch_once", "padding or dropping by choice"),
    Row("11.7", "Loader on several ranks", "weft.data:Loader", "tests/data/test_stream.py::test_ranks_together_see_each_batch_once", "pinned memory by choice"),
    Row("11.9", "Accumulation with one exchange", "weft.parallel:Reducer", "tests/engine/test_gradient.py::test_two_ranks_equal_one_process", "the number of exchanges counted by a test"),
    Row("11.12", "Metrics and losses over ranks", "weft.engine:Evaluation", "tests/engine/test_evaluate.py::test_two_ranks_measure_what_one_does", "predictions gathered in order"),
    Row("11.13", "Output on rank zero", "weft.recipes:run", "tests/recipes/test_run.py::test_two_ranks_equal_one_process_and_write_once", "one download for all ranks"),
    Row("11.14", "Randomness on several ranks", "weft.engine:fit", "tests/engine/test_gradient.py::test_ranks_keep_equal_weights_and_draw_different_noise"),
    Row("11.25", "Buckets that overlap with backward", "weft.parallel:Reducer", "tests/parallel/test_reduce.py::test_buckets_leave_while_backward_runs", "a report of the overlap"),
    Row("11.29", "Checkpoints of several ranks", "weft.engine:Checkpoints", "tests/engine/test_checkpoints.py::test_ranks_resume_bit_for_bit_each_with_its_own_part", "another number of ranks, asynchronous writing"),
    Row("11.36", "Uneven inputs", "weft.engine:fit", "tests/engine/test_gradient.py::test_three_ranks_equal_one_process"),
    Row("11.53", "Averages and targets on several ranks", "followup/ema", "tests/contracts/test_methods.py::test_two_ranks_equal_one_process", "queues"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
