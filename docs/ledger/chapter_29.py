"""Rows and pitfalls of chapter 29."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("29.1", "Local experiment store", "weft.observe:Run", "tests/observe/test_run.py::test_a_new_run_holds_its_call_and_its_environment", "tags, groups, a data base over runs"),
    Row("29.2", "Comparison of runs", "weft.observe:compare", "tests/observe/test_compare.py::test_only_differing_arguments_are_shown_beside_the_results", "search, export"),
    Row("29.6", "TensorBoard", "listener/tensorboard", "tests/observe/test_tensorboard.py::test_tensorboard_reads_back_what_was_logged", "histograms, graph, pictures, sound"),
    Row("29.22", "Seeding", "weft.recipes:run", "tests/recipes/test_run.py::test_the_seed_decides_everything", "refusal of non-deterministic operations"),
    Row("29.23", "Environment capture", "weft.observe:environment", "tests/observe/test_environment.py::test_the_environment_is_json_and_names_what_matters", "driver, variables without secrets"),
    Row("29.24", "Re-run and verify", "weft.recipes:resume", "tests/recipes/test_run.py::test_resume_says_what_changed_in_the_data_and_stops", "a fresh run of a finished one, compared"),
    Row("29.25", "Configuration", "weft.recipes:read_arguments", "tests/recipes/test_parameters.py::test_words_win_over_files_and_nothing_is_said_twice", "groups, interpolation, line numbers"),
    Row("29.47", "Model test kit", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_eval_mode_is_deterministic_and_changes_nothing", "planted defects, use on one's own module"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
