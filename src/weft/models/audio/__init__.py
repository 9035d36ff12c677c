"""Networks for sound."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {"sound_cnn": "weft.models.audio.sound_cnn:SoundCNN"}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.audio import sound_cnn

    return {"sound_cnn": (lambda: sound_cnn.SoundCNN(6, 3, width=8), (torch.randn(4, 6, 20),))}
