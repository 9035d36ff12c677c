"""Random colours and sharpness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weft._lazy import unknown
from weft.data.contracts import Batch, Transform
from weft.data.keyed import Random
from weft.data.transforms import colour

# Each takes pictures and one strength a record.
TONES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "autocontrast": lambda x, _: colour.autocontrast(x),
    "blur": colour.blur,
    "brightness": colour.brightness,
    "contrast": colour.contrast,
    "equalize": lambda x, _: colour.equalize(x),
    "gamma": colour.gamma,
    "grayscale": lambda x, _: colour.grayscale(x),
    "hue": colour.hue,
    "invert": lambda x, _: colour.invert(x),
    "posterize": colour.posterize,
    "saturation": colour.saturation,
    "sharpness": colour.sharpness,
    "solarize": colour.solarize,
}


def where(rows: Tensor, x: Tensor, function: Callable[..., Tensor], *strength: Tensor) -> Tensor:
    """``x`` with ``function`` applied to the records that ``rows`` (B,) marks; the others are not computed."""
    chosen = rows.nonzero()[:, 0]
    if not len(chosen):
        return x
    out = x.clone()
    at = chosen.to(x.device)
    out[at] = function(x[at], *[value[chosen].to(x.device) for value in strength])
    return out


def check_probability(probability: float) -> None:
    """Raise ValueError unless it is one."""
    if not 0 <= probability <= 1:
        raise ValueError(f"probability={probability}; expected a number from 0 to 1")


@dataclass(frozen=True)
class ColorJitter:
    """Change brightness, contrast and saturation by factors in 1 +- the given, and turn the hue by up to ``hue``, in a random order.

    Factors never fall below 0. Shapes: pictures (B, C, H, W) or clips (B, T, C, H, W), float in [0, 1] or uint8; all ``keys`` and frames of a
    record alike. Raises ValueError for negative ranges, a hue above 0.5, and for normalised input (see ``InPixels``).
    Paper: Krizhevsky et al., 2012, doi:10.1145/3065386; in this form Chen et al., 2020, arXiv:2002.05709.
    Use when light and cameras differ; not where colour is the answer. Cost: four passes over the batch, the hue the dearest.

    >>> x = torch.rand(2, 3, 4, 4)
    >>> ColorJitter(hue=0.05)({"input": x}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 4, 4])
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.1
    probability: float = 1.0
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        check_probability(self.probability)
        if min(self.brightness, self.contrast, self.saturation, self.hue) < 0 or self.hue > 0.5:
            raise ValueError(
                f"brightness={self.brightness}, contrast={self.contrast}, saturation={self.saturation}, hue={self.hue};"
                " expected ranges from 0 on, the hue at most 0.5 of the circle"
            )
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        chosen, draw, order = random.chance(self.probability), 2 * random.uniform(4) - 1, random.uniform(4).argsort(1)
        names = ("brightness", "contrast", "saturation", "hue")
        reach = [getattr(self, name) for name in names]
        strength = [draw[:, i] * reach[i] if name == "hue" else (1 + draw[:, i] * reach[i]).clamp(min=0) for i, name in enumerate(names)]
        out = dict(batch)
        for key in self.keys:
            for place in range(4):
                for i, name in enumerate(names):
                    if reach[i]:
                        out[key] = where(chosen & (order[:, place] == i), out[key], TONES[name], strength[i])
        return out


@dataclass(frozen=True)
class RandomTone:
    """One colour operation with a strength uniform in ``low`` to ``high``, with some probability.

    ``operation``: "brightness", "contrast", "saturation", "sharpness" (factors, 1 is the same), "hue" (turns), "gamma" (power), "blur" (pixels),
    "posterize" (bits), "solarize" (threshold in parts of the range, so 0.5 for floats and bytes alike), and without strength "autocontrast",
    "equalize", "grayscale", "invert". Shapes: (B, C, H, W) or (B, T, C, H, W), float in [0, 1] or uint8.
    Raises ValueError for an unknown operation. Use for one effect at its own rate; instead of it, ``RandAugment`` for many. Cost: one operation on
    the chosen records.

    >>> x = torch.tensor([[[[0.25, 0.75]]]])
    >>> RandomTone("solarize", 0.5, probability=1.0)({"input": x}, Random(0, 0, torch.arange(1)))["input"].tolist()
    [[[[0.25, 0.25]]]]
    """

    operation: str
    low: float = 1.0
    high: float | None = None
    probability: float = 0.2
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        check_probability(self.probability)
        if self.operation not in TONES:
            raise unknown("colour operation", self.operation, TONES)
        if self.high is not None and self.high < self.low:
            raise ValueError(f"low={self.low}, high={self.high}; expected the lower first")
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        chosen = random.chance(self.probability)
        strength = self.low + ((self.low if self.high is None else self.high) - self.low) * random.uniform()
        return batch | {key: where(chosen, batch[key], TONES[self.operation], strength) for key in self.keys}


@dataclass(frozen=True)
class RandomGrayscale:
    """Take the colour from pictures with some probability; they keep their channels.

    Shapes: (B, C, H, W) or (B, T, C, H, W) with 1 or 3 channels, float in [0, 1] or uint8. Paper: Chen et al., 2020, arXiv:2002.05709.
    Use when shape should count more than colour; cost: one pass over the chosen records.

    >>> x = RandomGrayscale(1.0)({"input": torch.rand(1, 3, 2, 2)}, Random(0, 0, torch.arange(1)))["input"]
    >>> torch.equal(x[:, 0], x[:, 2])
    True
    """

    probability: float = 0.1
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        check_probability(self.probability)
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        chosen = random.chance(self.probability)
        return batch | {key: where(chosen, batch[key], colour.grayscale) for key in self.keys}


@dataclass(frozen=True)
class GaussianBlur:
    """Blur pictures by a Gaussian of ``size`` x ``size`` pixels, its deviation uniform in ``sigma``, with some probability.

    Shapes: (B, C, H, W) or (B, T, C, H, W), float in [0, 1] or uint8; the border is mirrored. Raises ValueError for an even size.
    Paper: Chen et al., 2020, arXiv:2002.05709, with a size of a tenth of the picture.
    Use when focus and resolution vary; cost: two one-dimensional convolutions.

    >>> GaussianBlur(3)({"input": torch.ones(1, 1, 4, 4)}, Random(0, 0, torch.arange(1)))["input"].mean().round(decimals=4).item()
    1.0
    """

    size: int = 3
    sigma: Sequence[float] = (0.1, 2.0)
    probability: float = 1.0
    keys: Sequence[str] = ("input",)

    def __post_init__(self) -> None:
        check_probability(self.probability)
        low, high = self.sigma
        if self.size % 2 == 0 or self.size < 1 or not 0 < low <= high:
            raise ValueError(f"size={self.size}, sigma={self.sigma}; expected an odd number of pixels and positive deviations, the lower first")
        object.__setattr__(self, "sigma", (low, high))
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        low, high = self.sigma
        chosen, sigma = random.chance(self.probability), low + (high - low) * random.uniform()
        return batch | {key: where(chosen, batch[key], lambda x, s: colour.blur(x, s, self.size), sigma) for key in self.keys}


@dataclass(frozen=True)
class InPixels:
    """Run colour transforms on [0, 1] although the codec normalised: x std + mean, the transforms, (x - mean) / std.

    Shapes: ``input`` (B, C, H, W) or (B, T, C, H, W). Raises ValueError when the numbers are not one per channel.
    Use with ``ImageCodec``: InPixels(codec.mean, codec.std, [ColorJitter()]); not needed for geometry, noise and erasing. Cost: two passes.

    >>> x = torch.full((1, 1, 2, 2), 3.0)
    >>> inverted = InPixels((0.5,), (0.1,), [RandomTone("invert", probability=1.0)])({"input": x}, Random(0, 0, torch.arange(1)))
    >>> inverted["input"][0, 0, 0, 0].round().item()
    -3.0
    """

    mean: Sequence[float]
    std: Sequence[float]
    transforms: Sequence[Transform]

    def __post_init__(self) -> None:
        for name in ("mean", "std", "transforms"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.mean) != len(self.std) or min(self.std, default=0) <= 0:
            raise ValueError(f"mean={self.mean}, std={self.std}; expected equally many numbers and positive deviations")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        if x.ndim < 4 or x.shape[-3] != len(self.mean):
            raise ValueError(f"InPixels has {len(self.mean)} channels; input has shape {tuple(x.shape)}, channels third from the end")
        mean, std = (torch.tensor(value, dtype=x.dtype, device=x.device)[:, None, None] for value in (self.mean, self.std))
        out = batch | {"input": (x * std + mean).clamp(0, 1)}
        for transform in self.transforms:
            out = transform(out, random)
        return out | {"input": (out["input"] - mean) / std}
