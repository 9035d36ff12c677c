"""Recurrence: cells that can be read, stacks on torch's kernels with masks, orders of gates."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "elman_cell": "weft.nn.recurrent.cells:ElmanCell",
    "elman_step": "weft.nn.recurrent.cells:ElmanStep",
    "gru_cell": "weft.nn.recurrent.cells:GRUCell",
    "lstm_cell": "weft.nn.recurrent.cells:LSTMCell",
    "separate_lstm_cell": "weft.nn.recurrent.cells:SeparateLSTMCell",
    "recurrent": "weft.nn.recurrent.recurrent:Recurrent",
    "unrolled": "weft.nn.recurrent.unrolled:Unrolled",
}
KIND = "layer"
EXTRA = {
    "flip_update_gate": "weft.nn.recurrent.gates:flip_update_gate",
    "fold_biases": "weft.nn.recurrent.gates:fold_biases",
    "from_keras": "weft.nn.recurrent.gates:from_keras",
    "reorder_gates": "weft.nn.recurrent.gates:reorder_gates",
    "set_forget_bias": "weft.nn.recurrent.recurrent:set_forget_bias",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each layer as (a function that makes it, the inputs of one call)."""
    import torch

    from weft.nn.recurrent import cells, recurrent, unrolled

    step, steps = (torch.randn(2, 3),), (torch.randn(2, 5, 3),)
    return {
        "elman_cell": (lambda: cells.ElmanCell(3, 4), (*step, torch.randn(2, 4))),
        "elman_step": (lambda: cells.ElmanStep(3, 4, 2), (*step, torch.randn(2, 4))),
        "gru_cell": (lambda: cells.GRUCell(3, 4), (*step, torch.randn(2, 4))),
        "lstm_cell": (lambda: cells.LSTMCell(3, 4, peephole=True, norm=True), step),
        "separate_lstm_cell": (lambda: cells.SeparateLSTMCell(3, 4), step),
        "recurrent": (lambda: recurrent.Recurrent("lstm", 3, 4, depth=2, bidirectional=True), steps),
        "unrolled": (lambda: unrolled.Unrolled(cells.LSTMCell(3, 4)), steps),
    }
