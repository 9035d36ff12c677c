"""Rows and pitfalls of chapter 37."""

from __future__ import annotations

from ledger.row import Row

ROWS: tuple[Row, ...] = (
    Row("37.1", "Optional packages", "weft._lazy:attach", "tests/cli/test_doctor.py::test_missing_extras_say_how_to_get_them", "check of version ranges"),
    Row("37.14", "State management", "weft.engine:State", "tests/engine/test_fit.py::test_resume_is_bitwise"),
    Row("37.16", "torchvision models", "weft.models.vision:from_torchvision", "tests/models/test_resnet.py::test_equals_torchvision", "all but residual networks"),
    Row("37.50", "TensorBoard scalars", "listener/tensorboard", "tests/observe/test_tensorboard.py::test_tensorboard_reads_back_what_was_logged", "update ratios, layout"),
    Row("37.83", "safetensors and GGUF", "weft.serve:Bundle", "tests/serve/test_weights.py::test_tied_weights_are_stored_once_and_stay_tied", "GGUF"),
)
PITFALLS: tuple[tuple[str, str], ...] = ()
