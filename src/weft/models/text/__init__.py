"""Networks for text."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "gpt": "weft.models.text.gpt:GPT",
}
KIND = "model"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "generate": "weft.models.text.gpt:generate",
        "sample": "weft.models.text.gpt:sample",
    },
)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.text import gpt

    return {
        "gpt": (lambda: gpt.GPT(11, context=16, dim=16, depth=2, num_heads=2), (torch.randint(0, 11, (2, 7)),)),
    }
