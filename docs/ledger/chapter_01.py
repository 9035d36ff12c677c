"""Rows and pitfalls of chapter 01."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("01.10", "Environment doctor", "weft.cli.doctor:examine", "tests/cli/test_doctor.py::test_everything_is_json_and_the_machine_is_described", "driver and capability against the build, pairing of versions, frozen requirements"),
    Row("01.11", "Seeding and determinism", "weft.data.random_state:capture", "tests/data/test_random_state.py::test_restoring_repeats_every_generator", "one call for all seeds, refusal of non-deterministic operations"),
    Row("01.14", "Device placement", "weft.parallel:Runtime", "tests/parallel/test_runtime.py::test_auto_device_is_the_first_that_is_there", "moving of dataclasses and packed sequences, naming of the tensor elsewhere"),
    Row("01.33", "Freeze and unfreeze", "surgery/freeze", "tests/nn/test_freezing.py::test_a_frozen_part_stays_as_it_is_through_training", "choice by glob"),
    Row("01.34", "State save and load", "weft.data.state_files:write_bytes", "tests/data/test_state_files.py::test_an_interrupted_write_leaves_the_old_file", "compression, choice of formats, a public load for one's own files"),
    Row("01.47", "Module test kit", "tests/contracts/test_networks.py", "tests/contracts/test_networks.py::test_samples_do_not_see_each_other", "gradients by finite differences for each layer, planted defects, use on one's own module"),
    Row("01.43", "Networks from Keras", "weft.models.exchange:from_keras", "tests/models/exchange/test_keras.py::test_random_networks_give_what_keras_gives", "SavedModel, recipes for the way of the data"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
