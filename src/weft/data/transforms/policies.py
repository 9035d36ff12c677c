"""Many operations by a rule: RandAugment, TrivialAugment, AutoAugment, AugMix; each record draws its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weft._lazy import unknown
from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms import geometry, published
from weft.data.transforms.affine import mapped
from weft.data.transforms.compose import branch, on_rows
from weft.data.transforms.jitter import TONES

FACTORS = {"brightness": "brightness", "color": "saturation", "contrast": "contrast", "sharpness": "sharpness"}  # strength 1 + magnitude
PLAIN = ("autocontrast", "equalize", "invert")
SIGNED = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate", *FACTORS)
RAND = ("identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", *FACTORS, "posterize", "solarize", "autocontrast", "equalize")
MIXED = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate", "posterize", "solarize", "autocontrast", "equalize")


def magnitudes(operation: str, bins: int, size: Sequence[int], space: str = "rand") -> Tensor:
    """The strength of an operation at each of ``bins`` levels for pictures of ``size`` (height, width).

    ``space`` "rand" is that of RandAugment and AutoAugment, "wide" that of TrivialAugment, "mix" that of AugMix. Shears are tangents, translations
    pixels, rotations degrees, factors are added to 1, thresholds are parts of the range.
    """
    wide = space == "wide"
    top = {
        "shear_x": 0.99 if wide else 0.3,
        "shear_y": 0.99 if wide else 0.3,
        "translate_x": {"wide": 32.0, "mix": size[1] / 3}.get(space, 150 / 331 * size[1]),
        "translate_y": {"wide": 32.0, "mix": size[0] / 3}.get(space, 150 / 331 * size[0]),
        "rotate": 135.0 if wide else 30.0,
    }
    if operation == "posterize":
        most, reach = (4, 4) if space == "mix" else (8, 6 if wide else 4)
        return (most - torch.arange(bins) / ((bins - 1) / reach)).round()
    if operation == "solarize":
        return torch.linspace(1, 0, bins)
    if operation in FACTORS:
        return torch.linspace(0, 0.99 if wide else 0.9, bins)
    return torch.linspace(0, top[operation], bins) if operation in top else torch.zeros(bins)


def operate(batch: Batch, operation: str, strength: Tensor, keys: Sequence[str], interpolation: str = "nearest", fill: float = 0.0) -> Batch:
    """One operation of the policies on every record, ``strength`` (B,) as in ``magnitudes``; masks, boxes and points go along.

    Raises ValueError for an unknown operation.
    """
    if operation == "identity":
        return batch
    if operation in SIGNED and operation not in FACTORS:
        return mapped(_matrix(operation, strength, batch[keys[0]]), batch[keys[0]].shape[-2:], fill)(batch, keys, interpolation)
    if operation not in (*FACTORS, *PLAIN, "posterize", "solarize"):
        raise unknown("operation", operation, (*RAND, "invert"))
    value = 1 + strength if operation in FACTORS else strength
    return batch | {key: TONES[FACTORS.get(operation, operation)](batch[key], value) for key in keys}


def _matrix(operation: str, strength: Tensor, x: Tensor) -> Tensor:
    value = strength.to(x.device)
    zero, none = torch.zeros_like(value), torch.zeros(len(value), 2, device=x.device)
    if operation == "rotate":
        return geometry.affine_map(-value, none, zero + 1, none, (x.shape[-1] / 2, x.shape[-2] / 2))
    if operation.startswith("translate"):
        pixels = value.trunc()
        return geometry.affine_map(zero, torch.stack([pixels, zero] if operation.endswith("x") else [zero, pixels], 1), zero + 1, none, (0.0, 0.0))
    angle = value.atan().rad2deg()
    return geometry.affine_map(zero, none, zero + 1, torch.stack([angle, zero] if operation.endswith("x") else [zero, angle], 1), (0.0, 0.0))


@dataclass(frozen=True)
class Step:
    """One operation for the marked records of a batch; a transform that ``on_rows`` can apply."""

    operation: str
    strength: Tensor
    keys: Sequence[str]
    interpolation: str
    fill: float

    def __call__(self, batch: Batch, random: Random) -> Batch:
        return operate(batch, self.operation, self.strength, self.keys, self.interpolation, self.fill)


def _stepped(batch: Batch, operation: str, rows: Tensor, strength: Tensor, how: tuple[Sequence[str], str, float], random: Random) -> Batch:
    return on_rows(batch, rows, Step(operation, strength[rows], *how), random) if operation != "identity" else batch


def _signs(random: Random) -> Tensor:
    return 2.0 * random.integers(0, 2) - 1


@dataclass(frozen=True)
class RandAugment:
    """Apply ``count`` operations to each record, each drawn from fourteen, all at the same ``magnitude`` of ``bins`` levels.

    Directions and signs are random. Masks, boxes and points go along. Shapes: (B, C, H, W) or (B, T, C, H, W), float in [0, 1] or uint8.
    Raises ValueError for a magnitude outside the bins, and for normalised input (see ``InPixels``).
    Paper: Cubuk et al., 2020, arXiv:1909.13719. Use as the strong default of large training runs, with two numbers to tune; instead of it,
    ``TrivialAugment``, with none. Cost: ``count`` passes over the batch in parts.

    >>> RandAugment()({"input": torch.rand(2, 3, 8, 8)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 8, 8])
    """

    count: int = 2
    magnitude: int = 9
    bins: int = 31
    keys: Sequence[str] = ("input",)
    interpolation: str = "nearest"
    fill: float = 0.0

    def __post_init__(self) -> None:
        if self.count < 0 or not 0 <= self.magnitude < self.bins:
            raise ValueError(f"count={self.count}, magnitude={self.magnitude}, bins={self.bins}; expected 0 <= magnitude < bins")
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        for _ in range(self.count):
            drawn, sign = random.integers(0, len(RAND)), _signs(random)
            for number, name in enumerate(RAND):
                level = magnitudes(name, self.bins, batch[self.keys[0]].shape[-2:])[self.magnitude]
                strength = level * sign if name in SIGNED else level.expand(len(sign))
                batch = _stepped(batch, name, drawn == number, strength, (self.keys, self.interpolation, self.fill), random)
        return batch


@dataclass(frozen=True)
class TrivialAugment:
    """Apply one operation to each record, drawn from fourteen, at a magnitude drawn from ``bins`` levels of wide ranges.

    Masks, boxes and points go along. Shapes: (B, C, H, W) or (B, T, C, H, W), float in [0, 1] or uint8.
    Raises ValueError for fewer than two bins, and for normalised input (see ``InPixels``).
    Paper: Müller and Hutter, 2021, arXiv:2103.10158 (the "wide" space). Use when nothing shall be tuned; instead of it, ``RandAugment`` where
    the strength matters. Cost: one pass over the batch in parts.

    >>> TrivialAugment()({"input": torch.rand(2, 3, 8, 8)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 8, 8])
    """

    bins: int = 31
    keys: Sequence[str] = ("input",)
    interpolation: str = "nearest"
    fill: float = 0.0

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise ValueError(f"bins={self.bins}; expected at least two levels")
        object.__setattr__(self, "keys", tuple(self.keys))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        drawn, level, sign = random.integers(0, len(RAND)), random.integers(0, self.bins), _signs(random)
        for number, name in enumerate(RAND):
            strength = magnitudes(name, self.bins, batch[self.keys[0]].shape[-2:], "wide")[level]
            strength = strength * sign if name in SIGNED else strength
            batch = _stepped(batch, name, drawn == number, strength, (self.keys, self.interpolation, self.fill), random)
        return batch


@dataclass(frozen=True)
class AutoAugment:
    """Apply one of a policy's pairs of operations to each record, each operation with its own probability and magnitude.

    ``policy`` is "imagenet", "cifar10" or "svhn" as published, or your own: ((operation, probability, level of 10), ...) for each sub-policy.
    Masks, boxes and points go along. Shapes: (B, C, H, W) or (B, T, C, H, W), float in [0, 1] or uint8.
    Raises ValueError for an unknown policy or operation, and for normalised input (see ``InPixels``).
    Paper: Cubuk et al., 2019, arXiv:1805.09501. Use on data like that for which the policy was found; instead of it, ``RandAugment`` elsewhere.
    Cost: one pass over the batch for each of the 50 operations in parts.

    >>> AutoAugment("cifar10")({"input": torch.rand(2, 3, 8, 8)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 8, 8])
    """

    policy: str | Sequence[Sequence[Sequence[str | float]]] = "imagenet"
    keys: Sequence[str] = ("input",)
    interpolation: str = "nearest"
    fill: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.policy, str) and self.policy not in published.POLICIES:
            raise unknown("policy", self.policy, published.POLICIES)
        object.__setattr__(self, "keys", tuple(self.keys))
        for operation, probability, level in (step for pair in self.pairs for step in pair):
            if operation not in (*RAND, "invert"):
                raise unknown("operation", str(operation), (*RAND, "invert"))
            if not 0 <= float(probability) <= 1 or not 0 <= int(level) < 10:
                raise ValueError(f"{operation} with probability {probability} at level {level}; expected a probability and a level from 0 to 9")

    @property
    def pairs(self) -> Sequence[Sequence[Sequence[str | float]]]:
        return published.POLICIES[self.policy] if isinstance(self.policy, str) else self.policy

    def __call__(self, batch: Batch, random: Random) -> Batch:
        size, longest = batch[self.keys[0]].shape[-2:], max(map(len, self.pairs))
        drawn, chance = random.integers(0, len(self.pairs)), random.uniform(longest)
        signs = 2.0 * random.integers(0, 2, longest) - 1
        for number, steps in enumerate(self.pairs):
            for place, (operation, probability, level) in enumerate(steps):
                name = str(operation)
                strength = magnitudes(name, 10, size)[int(level)] * (signs[:, place] if name in SIGNED else torch.ones_like(signs[:, place]))
                rows = (drawn == number) & (chance[:, place] < float(probability))
                batch = _stepped(batch, name, rows, strength, (self.keys, self.interpolation, self.fill), random)
        return batch


@dataclass(frozen=True)
class AugMix:
    """m x + (1 - m) sum_k w_k c_k(x): a mixture of ``width`` chains of one to ``depth`` random operations with the picture itself.

    w ~ Dirichlet(alpha), m ~ Beta(alpha, alpha), each operation at one of the lowest ``severity`` of ten levels. With ``views=True`` a second
    mixture comes under ``view`` and the picture itself under ``clean``, for the paper's consistency loss.
    Shapes: ``input`` (B, C, H, W) or (B, T, C, H, W), float in [0, 1] or uint8. Raises ValueError for boxes or masks, which cannot be mixed.
    Paper: Hendrycks et al., 2020, arXiv:1912.02781. Use when robustness to corruption counts; cost: ``width`` times ``depth`` passes in parts.

    >>> AugMix()({"input": torch.rand(2, 3, 8, 8)}, Random(0, 0, torch.arange(2)))["input"].shape
    torch.Size([2, 3, 8, 8])
    """

    severity: int = 3
    width: int = 3
    depth: int = 3
    alpha: float = 1.0
    views: bool = False
    all_operations: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.severity <= 10 or min(self.width, self.depth) < 1 or self.alpha <= 0:
            raise ValueError(
                f"severity={self.severity}, width={self.width}, depth={self.depth}, alpha={self.alpha}; expected 1 to 10, and positive numbers"
            )

    def __call__(self, batch: Batch, random: Random) -> Batch:
        if wrong := {"boxes", "masks", "keypoints"} & batch.keys():
            raise ValueError(f"AugMix blends pictures that were moved differently, which {sorted(wrong)} cannot follow; use RandAugment")
        out = batch | {"input": self._mixed(batch["input"], random)}
        return out | {"view": self._mixed(batch["input"], random), "clean": batch["input"]} if self.views else out

    def _mixed(self, x: Tensor, random: Random) -> Tensor:
        names = MIXED + tuple(FACTORS) if self.all_operations else MIXED
        log_gamma = torch.stack([random._log_gamma(self.alpha) for _ in range(self.width)], 1)
        weight, keep = log_gamma.softmax(1), random.beta(self.alpha)
        total = torch.zeros_like(x, dtype=torch.float32 if x.dtype == torch.uint8 else x.dtype)
        for chain in range(self.width):
            total += _wide(weight[:, chain], x) * self._chained(x, names, branch(random, chain))
            random.uniform()
        mixed = torch.lerp(total, x.to(total.dtype), _wide(keep, x).to(total.dtype))
        return mixed.round().clamp(0, 255).to(x.dtype) if x.dtype == torch.uint8 else mixed

    def _chained(self, x: Tensor, names: Sequence[str], random: Random) -> Tensor:
        part, length = {"input": x}, random.integers(1, self.depth + 1)
        for place in range(self.depth):
            drawn, level, sign = random.integers(0, len(names)), random.integers(0, self.severity), _signs(random)
            for number, name in enumerate(names):
                strength = magnitudes(name, 10, x.shape[-2:], "mix")[level]
                strength = strength * sign if name in SIGNED else strength
                part = _stepped(part, name, (drawn == number) & (place < length), strength, (("input",), "bilinear", 0.0), random)
        return part["input"]


def _wide(value: Tensor, like: Tensor) -> Tensor:
    return value.to(like.device).reshape(-1, *(1,) * (like.ndim - 1))
