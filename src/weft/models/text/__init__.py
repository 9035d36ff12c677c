"""Networks for text."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "gpt": "weft.models.text.gpt:GPT",
    "lstm_lm": "weft.models.text.lstm_lm:LSTMLM",
    "text_classifier": "weft.models.text.classifier:TextClassifier",
    "text_writer": "weft.models.text.writer:TextWriter",
}
KIND = "model"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "generate": "weft.models.text.generation:generate",
        "sample": "weft.models.text.generation:sample",
    },
)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.text import classifier, gpt, lstm_lm, writer

    tokens = torch.randint(0, 11, (2, 7))
    return {
        "gpt": (lambda: gpt.GPT(11, context=16, dim=16, depth=2, num_heads=2), (tokens,)),
        "lstm_lm": (lambda: lstm_lm.LSTMLM(11, dim=16), (tokens,)),
        "text_classifier": (lambda: classifier.TextClassifier(11, 3, dim=16), (tokens,)),
        "text_writer": (lambda: writer.TextWriter(lstm_lm.LSTMLM(11, dim=16), length=3), (tokens,)),
    }
