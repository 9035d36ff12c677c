"""Residual networks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.convolution import Bottleneck, ConvBlock, ResidualBlock
from weft.nn.shapes import expect

Stem = Literal["imagenet", "small"]


class ResNet(nn.Module):
    """Four stages of residual blocks, each half as large and twice as wide, averaged and classified.

    ``stem="imagenet"`` begins with a 7x7 convolution and a pooling, both of stride 2; ``"small"`` with one 3x3 convolution, for pictures of
    about 32 pixels (CIFAR, digits).

    Shapes: input (B, in_channels, H, W) -> logits (B, num_classes); any H and W from 1.
    Errors: ``ValueError`` for an unknown stem, and when the input has another number of dimensions or channels.
    Paper: He et al., 2015, arXiv:1512.03385; the small stem from its section 4.2.
    Use ``resnet18``, ``resnet34`` or ``resnet50``; this class for other depths and widths.

    >>> import torch
    >>> ResNet(ResidualBlock, (1, 1, 1, 1), num_classes=10, width=8, stem="small")(torch.rand(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        block: type[ResidualBlock] | type[Bottleneck],
        depths: tuple[int, int, int, int],
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        width: int = 64,
        stem: Stem = "imagenet",
        norm: str | None = "batch",
    ) -> None:
        super().__init__()
        if stem not in ("imagenet", "small"):
            raise ValueError(f"stem is 'imagenet' (for 64 pixels or more) or 'small' (for less); got {stem!r}.")
        self.in_channels = in_channels
        self.stem = ConvBlock(in_channels, width, 7 if stem == "imagenet" else 3, 2 if stem == "imagenet" else 1, norm=norm)
        self.pool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else nn.Identity()
        wider = 4 if block is Bottleneck else 1
        channels, stages = width, []
        for stage, depth in enumerate(depths):
            after = width * 2**stage * wider
            blocks = [block(channels if i == 0 else after, after, 2 if i == 0 and stage else 1, norm=norm) for i in range(depth)]
            stages.append(nn.Sequential(*blocks))
            channels = after
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        expect(input, f"B {self.in_channels} H W", "ResNet")
        return self.head(self.stages(self.pool(self.stem(input))).mean((2, 3)))


def resnet18(
    num_classes: int = 1000, *, in_channels: int = 3, width: int = 64, stem: Stem = "imagenet", norm: str | None = "batch"
) -> ResNet:
    """Make a residual network of 18 layers: 11.7 million weights, 1.8 billion multiplications at 224 pixels.

    Use when a solid, quick picture classifier is wanted; instead of it, ``SimpleCNN`` below 32 pixels, ``resnet34`` or ``resnet50`` for more data.
    Arguments, shapes, errors and paper: see ``ResNet``.

    >>> sum(p.numel() for p in resnet18().parameters())
    11689512
    """
    return ResNet(ResidualBlock, (2, 2, 2, 2), num_classes=num_classes, in_channels=in_channels, width=width, stem=stem, norm=norm)


def resnet34(
    num_classes: int = 1000, *, in_channels: int = 3, width: int = 64, stem: Stem = "imagenet", norm: str | None = "batch"
) -> ResNet:
    """Make a residual network of 34 layers: 21.8 million weights, 3.7 billion multiplications at 224 pixels.

    Use when ``resnet18`` underfits. Arguments, shapes, errors and paper: see ``ResNet``.

    >>> sum(p.numel() for p in resnet34().parameters())
    21797672
    """
    return ResNet(ResidualBlock, (3, 4, 6, 3), num_classes=num_classes, in_channels=in_channels, width=width, stem=stem, norm=norm)


def resnet50(
    num_classes: int = 1000, *, in_channels: int = 3, width: int = 64, stem: Stem = "imagenet", norm: str | None = "batch"
) -> ResNet:
    """Make a residual network of 50 layers with bottlenecks: 25.6 million weights, 4.1 billion multiplications at 224 pixels.

    Use when features are to be reused, as most public weights are of this one. Arguments, shapes, errors and paper: see ``ResNet``.

    >>> sum(p.numel() for p in resnet50().parameters())
    25557032
    """
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes=num_classes, in_channels=in_channels, width=width, stem=stem, norm=norm)


ORDINAL = {"1": "first", "2": "second", "3": "third"}


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a torchvision or timm ResNet for ``load_state_dict``.

    Errors: ``ValueError`` naming the first key that no plain ResNet has.

    >>> import torch
    >>> list(from_torchvision({"layer1.0.bn2.weight": torch.ones(1)}))
    ['stages.0.0.second.norm.weight']
    """
    return {rename(key): value for key, value in state.items()}


def rename(key: str) -> str:
    """weft's name for one of torchvision's."""
    if match := re.fullmatch(r"fc\.(\w+)", key):
        return f"head.{match[1]}"
    if match := re.fullmatch(r"(conv|bn)1\.(\w+)", key):
        return f"stem.{'norm' if match[1] == 'bn' else 'conv'}.{match[2]}"
    if match := re.fullmatch(r"layer([1-4])\.(\d+)\.(conv|bn)([123])\.(\w+)", key):
        stage, block, kind, place, name = match.groups()
        return f"stages.{int(stage) - 1}.{block}.{ORDINAL[place]}.{'norm' if kind == 'bn' else 'conv'}.{name}"
    if match := re.fullmatch(r"layer([1-4])\.(\d+)\.downsample\.([01])\.(\w+)", key):
        stage, block, place, name = match.groups()
        return f"stages.{int(stage) - 1}.{block}.shortcut.{'norm' if place == '1' else 'conv'}.{name}"
    raise ValueError(f"{key!r} is not a weight of a plain ResNet from torchvision or timm; its variants are not covered.")
