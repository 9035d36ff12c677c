"""A small convolutional classifier of sounds."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.shapes import expect


class SoundCNN(nn.Module):
    """Convolutions over time, each halving it, averages of equal parts of the sound, and a linear classifier.

    Shapes: input (B, bands, T), frames of a spectrogram -> logits (B, num_classes); any T from 1. The bands are channels: what is learned of one
    pitch says nothing of another. ``parts``: into how many equal stretches the sound is averaged, so that beginning and end stay apart.
    Errors: ``ValueError`` when the input has another number of dimensions or bands, and for sizes below 1.
    Paper: in the manner of Waibel et al., 1989, doi:10.1109/29.21701 (time-delay networks), with batch normalisation and averages.
    Use when sounds are short and of about equal length (commands, digits, calls of birds); instead of it, ``simple_cnn`` on the
    spectrogram as a picture when a shift in pitch should not matter. Cost: about 40,000 weights at width 64 and two convolutions.

    >>> import torch
    >>> SoundCNN(40, 10)(torch.rand(2, 40, 63)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, bands: int = 80, num_classes: int = 10, *, width: int = 64, depth: int = 2, parts: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if min(bands, num_classes, width, depth, parts) < 1:
            raise ValueError(f"SoundCNN({bands}, {num_classes}, width={width}, depth={depth}, parts={parts}); expected sizes from 1")
        self.bands = bands
        layers: list[nn.Module] = []
        for layer in range(depth):
            convolution = nn.Conv1d(width if layer else bands, width, 5, stride=2, padding=2, bias=False)  # the norm has a bias
            layers += [convolution, nn.BatchNorm1d(width), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool1d(parts)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width * parts, num_classes)

    def forward(self, input: Float[Tensor, "b bands t"]) -> Float[Tensor, "b classes"]:
        expect(input, f"B {self.bands} T", "SoundCNN")
        return self.head(self.dropout(self.pool(self.features(input)).flatten(1)))
