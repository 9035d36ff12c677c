"""Losses of sequences: alignments, tags in a row, tokens, and large vocabularies."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "crf_nll": "weft.losses.sequence.chain:crf_nll",
    "ctc": "weft.losses.sequence.ctc:ctc",
    "hybrid_ctc": "weft.losses.sequence.ctc:hybrid_ctc",
    "linear_cross_entropy": "weft.losses.sequence.linear_cross_entropy:linear_cross_entropy",
    "token_cross_entropy": "weft.losses.sequence.tokens:token_cross_entropy",
    "transducer": "weft.losses.sequence.transducer:transducer",
}
KIND = "loss"
EXTRA = {
    "CRF": "weft.losses.sequence.chain:CRF",
    "crf_decode": "weft.losses.sequence.chain:crf_decode",
    "crf_log_partition": "weft.losses.sequence.chain:crf_log_partition",
    "legal_transitions": "weft.losses.sequence.chain:legal_transitions",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target)."""
    from functools import partial

    import torch

    from weft.losses.sequence import crf_nll, ctc, hybrid_ctc, linear_cross_entropy, token_cross_entropy, transducer

    words = torch.tensor([[1, 2], [2, 2], [3, 1], [1, 1], [2, 1], [3, 2]])

    def both(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return hybrid_ctc(prediction, target, prediction[:, :2])

    field = partial(crf_nll, start=torch.randn(4), transition=torch.randn(4, 4), end=torch.randn(4))
    return {
        "crf_nll": (field, torch.randn(6, 2, 4), words),
        "ctc": (ctc, torch.randn(6, 5, 4), words),
        "hybrid_ctc": (both, torch.randn(6, 5, 4), words),
        "linear_cross_entropy": (partial(linear_cross_entropy, weight=torch.randn(5, 3), chunk=2), torch.randn(6, 3), words[:, 0]),
        "token_cross_entropy": (token_cross_entropy, torch.randn(6, 2, 4), words),
        "transducer": (transducer, torch.randn(6, 3, 3, 4), words),
    }
