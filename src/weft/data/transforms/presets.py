"""Ready-made ways from picture to batch: one choice makes the codec, which evaluation and serving use, and the transforms of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weft._lazy import unknown
from weft.data.contracts import Transform
from weft.data.detection_codec import DetectionCodec
from weft.data.image_codec import ImageCodec
from weft.data.transforms.affine import RandomAffine
from weft.data.transforms.compose import RandomApply
from weft.data.transforms.crop import RandomCrop, RandomResizedCrop
from weft.data.transforms.flip import RandomFlip
from weft.data.transforms.jitter import ColorJitter, GaussianBlur, InPixels, RandomGrayscale
from weft.data.transforms.raw import RawResizedCrop
from weft.data.transforms.targets import FilterBoxes
from weft.data.transforms.two_views import TwoViews

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR = ((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616))
SIZES = {
    "cifar": 32,
    "classification": 224,
    "detection": 640,
    "gan": 64,
    "imagenet": 224,
    "mnist": 28,
    "mnist_symmetric": 28,
    "segmentation": 512,
    "ssl": 224,
    "transfer": 224,
}


@dataclass(frozen=True)
class Preset:
    """A codec for training, evaluation and serving, and the transforms of training only."""

    codec: ImageCodec | DetectionCodec
    transforms: tuple[Transform, ...]


def preset(name: str, size: int | None = None, *, classes: Sequence[str] | None = None) -> Preset:
    """The usual codec and transforms of a task at ``size`` (height and width; each has its own default).

    "mnist" (affine), "mnist_symmetric" (pixels in [-1, 1], nothing else), "cifar" (crop of 4, flip), "imagenet" (resized crop of the original,
    flip), "classification" (the same, milder crop, colours), "transfer" (mild), "gan" (flip; pixels in [-1, 1]), "segmentation" (``target`` is a
    map and moves along), "detection" (boxes move along), "ssl" (two views as in SimCLR). Evaluation takes the codec alone, so it resizes and
    normalises as training does. Raises ValueError for an unknown name. Use to begin; instead of it, a row of your own when the data is unlike
    photographs.

    >>> made = preset("cifar", classes=("cat", "dog"))
    >>> made.codec.size, [type(transform).__name__ for transform in made.transforms]
    ((32, 32), ['RandomCrop', 'RandomFlip'])
    """
    if name not in SIZES:
        raise unknown("preset", name, SIZES)
    size = SIZES[name] if size is None else size
    mean, std = {"cifar": CIFAR, "gan": ((0.5,) * 3,) * 2, "mnist": ((0.1307,), (0.3081,)), "mnist_symmetric": ((0.5,), (0.5,))}.get(name, IMAGENET)
    if name == "detection":
        codec: ImageCodec | DetectionCodec = DetectionCodec(size, mean=mean, std=std, classes=classes)
    else:
        codec = ImageCodec(size, len(mean), mean, std, classes)
    mild = InPixels(mean, std, [ColorJitter(0.2, 0.2, 0.2, 0.1 if name == "classification" else 0.05)])
    both = ("input", "target")
    rows: dict[str, list[Any]] = {
        "mnist": [RandomAffine(10, 0.1, 0.1, 0.1, fill=-mean[0] / std[0])],
        "mnist_symmetric": [],
        "cifar": [RandomCrop(4), RandomFlip()],
        "imagenet": [RawResizedCrop(size), RandomFlip()],
        "classification": [RawResizedCrop(size, (0.35, 1.0)), RandomFlip(), mild],
        "transfer": [RawResizedCrop(size, (0.6, 1.0)), RandomFlip(), mild],
        "gan": [RandomFlip()],
        "segmentation": [RandomResizedCrop(size, (0.5, 1.0), keys=both), RandomFlip(keys=both), mild],
        "detection": [RandomFlip(), RandomAffine(5, 0.3, 0.0, 0.1), FilterBoxes(16, 3), mild],
        "ssl": [TwoViews(_simclr(size, mean, std))],
    }
    return Preset(codec, tuple(rows[name]))


def _simclr(size: int, mean: Sequence[float], std: Sequence[float]) -> list[Transform]:
    """Chen et al., 2020, arXiv:2002.05709, appendix A, with strength 1."""
    blur = GaussianBlur(max(3, size // 10 // 2 * 2 + 1), (0.1, 2.0), probability=0.5)
    colours: list[Transform] = [RandomApply(ColorJitter(0.8, 0.8, 0.8, 0.2), 0.8), RandomGrayscale(0.2), blur]
    return [RandomResizedCrop(size), RandomFlip(), InPixels(mean, std, colours)]


def contradictions(transforms: Sequence[Transform]) -> list[str]:
    """What in a row of transforms works against itself, in words; empty when nothing is found.

    >>> from weft.data import CenterCrop
    >>> contradictions([CenterCrop(8), RandomResizedCrop(8)])
    ['CenterCrop stands before RandomResizedCrop, which then sees only the middle; drop it']
    """
    names = [type(transform).__name__ for transform in transforms]
    found = []
    crops, colours = (
        {"RandomCrop", "RandomResizedCrop", "RawResizedCrop"},
        {"ColorJitter", "RandomTone", "RandomGrayscale", "GaussianBlur", "RandAugment"},
    )
    mixes = {"MixUp", "CutMix"}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if first == "CenterCrop" and second in crops:
                found.append(f"CenterCrop stands before {second}, which then sees only the middle; drop it")
            if first == "Normalize" and second in colours | {"TrivialAugment", "AutoAugment", "AugMix"}:
                found.append(f"Normalize stands before {second}, which needs pixels in [0, 1]; change their places, or use InPixels")
            if first in mixes and second in crops | {"RandomAffine", "RandomFlip", "RandomPerspective"}:
                found.append(f"{first} stands before {second}, which then moves two mixed pictures alike; mix last")
            if first in mixes and second in mixes:
                found.append(f"{first} and {second} both mix every record; choose one by RandomChoice([...], whole=True)")
    if "Normalize" in names:
        found.append("Normalize is a transform of training alone; evaluation and serving normalise only what the codec normalises")
    return found
