"""A small convolutional classifier for small pictures."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.convolution import ConvBlock
from weft.nn.shapes import expect


class SimpleCNN(nn.Module):
    """Stages of two 3x3 convolutions, each stage half as large and twice as wide, averaged and classified.

    Shapes: input (B, in_channels, H, W) -> logits (B, num_classes); any H and W from 1, best between 8 and 64. With ``num_classes=0`` there is no
    classifier, and the averages are the output: features (B, width * 2^(num_stages - 1)).
    Errors: ``ValueError`` when the input has another number of dimensions or channels.
    Paper: in the manner of Simonyan and Zisserman, 2014, arXiv:1409.1556, with batch normalisation and an average instead of dense layers.
    Use when pictures are small (digits, icons, CIFAR); instead of it, ``resnet18`` for larger ones; ``norm="group"`` for private or tiny batches.
    Cost: about 0.3 million weights at width 32 and three stages.

    >>> import torch
    >>> SimpleCNN(1, 10)(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, in_channels: int = 1, num_classes: int = 10, *, width: int = 32, num_stages: int = 3, norm: str | None = "batch", dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        stages: list[nn.Module] = []
        channels = in_channels
        for stage in range(num_stages):
            wider = width * 2**stage
            if stage:
                stages.append(nn.MaxPool2d(2, ceil_mode=True))      # ceil: a picture of 1 pixel stays 1 pixel
            stages += [ConvBlock(channels, wider, norm=norm), ConvBlock(wider, wider, norm=norm)]
            channels = wider
        self.features = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes) if num_classes else nn.Identity()

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        expect(input, f"B {self.in_channels} H W", "SimpleCNN")
        return self.head(self.dropout(self.features(input).mean((2, 3))))
