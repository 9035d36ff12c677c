"""Scalars for TensorBoard."""

from __future__ import annotations

import sys

import pytest

from weft.observe import TensorBoard


def scalars(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator(str(folder))
    accumulator.Reload()
    return {name: [(event.step, round(event.value, 5)) for event in accumulator.Scalars(name)] for name in accumulator.Tags()["scalars"]}


def test_tensorboard_reads_back_what_was_logged(tmp_path, moment):
    """Parity: TensorBoard's own reader finds the interval means, the evaluation and, after a resume, one point a step."""
    pytest.importorskip("tensorboard")
    first = TensorBoard(tmp_path, every=2)
    for step in range(1, 7):
        first(moment(step), {"loss": float(step)})
    first.close()
    second = TensorBoard(tmp_path, every=2)  # resumed from step 4
    for step in range(5, 9):
        second(moment(step, metrics={"val/loss": 0.5} if step == 8 else {}), {"loss": 10.0 * step, **({"val/loss": 0.5} if step == 8 else {})})
    second(moment(8, epoch=1), {})
    second.close()
    assert scalars(tmp_path) == {"loss": [(2, 1.5), (4, 3.5), (6, 55.0), (8, 75.0)], "val/loss": [(8, 0.5)]}


def test_a_missing_package_is_said_at_once_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"weft\[tensorboard\]"):
        TensorBoard()
    with pytest.raises(ValueError, match="every=0"):
        TensorBoard(every=0)
