"""Networks for pictures."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "simple_cnn": "weft.models.vision.simple_cnn:SimpleCNN",
    "resnet18": "weft.models.vision.resnet:resnet18",
    "resnet34": "weft.models.vision.resnet:resnet34",
    "resnet50": "weft.models.vision.resnet:resnet50",
}
KIND = "model"
__getattr__, __dir__ = attach(
    __name__,
    TABLE,
    {
        "ResNet": "weft.models.vision.resnet:ResNet",
        "from_torchvision": "weft.models.vision.resnet:from_torchvision",
    },
)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.vision import resnet, simple_cnn

    pictures = torch.rand(3, 3, 16, 16)
    return {
        "simple_cnn": (lambda: simple_cnn.SimpleCNN(1, 10, width=8), (torch.rand(3, 1, 8, 8),)),
        "resnet18": (lambda: resnet.resnet18(5, width=8, stem="small"), (pictures,)),
        "resnet34": (lambda: resnet.resnet34(5, width=8, stem="small"), (pictures,)),
        "resnet50": (lambda: resnet.resnet50(5, width=8), (torch.rand(3, 3, 64, 64),)),
    }
