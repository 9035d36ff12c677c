"""Transforms of training batches: batch to batch, each record's randomness keyed by (seed, epoch, index, transform).

A transform is a frozen value called as ``transform(batch, random)``; loaders take a sequence of them. ``MixUp`` and ``CutMix`` turn class
numbers (B,) int64 into probabilities (B, C) float32, on every batch alike, whether or not a record was mixed; a method's cross-entropy then
sees ``batch["target"]`` of shape (B, C) and metrics that need a class take its largest entry.
"""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "center_crop": "weft.data.transforms.resize:CenterCrop",
    "color_jitter": "weft.data.transforms.jitter:ColorJitter",
    "cut_mix": "weft.data.transforms.mix:CutMix",
    "filter_boxes": "weft.data.transforms.targets:FilterBoxes",
    "gaussian_blur": "weft.data.transforms.jitter:GaussianBlur",
    "in_pixels": "weft.data.transforms.jitter:InPixels",
    "mix_up": "weft.data.transforms.mix:MixUp",
    "multi_scale": "weft.data.transforms.resize:MultiScale",
    "noise": "weft.data.transforms.noise:Noise",
    "normalize": "weft.data.transforms.normalize:Normalize",
    "random_affine": "weft.data.transforms.affine:RandomAffine",
    "random_crop": "weft.data.transforms.crop:RandomCrop",
    "random_elastic": "weft.data.transforms.affine:RandomElastic",
    "random_erasing": "weft.data.transforms.noise:RandomErasing",
    "random_flip": "weft.data.transforms.flip:RandomFlip",
    "random_grayscale": "weft.data.transforms.jitter:RandomGrayscale",
    "random_perspective": "weft.data.transforms.affine:RandomPerspective",
    "random_resized_crop": "weft.data.transforms.crop:RandomResizedCrop",
    "random_tone": "weft.data.transforms.jitter:RandomTone",
    "resize": "weft.data.transforms.resize:Resize",
    "two_views": "weft.data.transforms.two_views:TwoViews",
}
KIND = "transform"
EXTRA = {"convert_boxes": "weft.data.transforms.targets:convert_boxes"}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each transform and a batch for it."""
    import torch

    from weft.data.transforms import affine, crop, flip, jitter, mix, noise, normalize, resize, targets, two_views

    batch = {"input": torch.rand(4, 3, 8, 8), "target": torch.tensor([0, 1, 2, 0])}
    boxed = batch | {"boxes": torch.tensor([[[0.0, 0.0, 4.0, 6.0], [2.0, 2.0, 3.0, 2.5]]]).repeat(4, 1, 1)}
    return {
        "center_crop": (resize.CenterCrop(8), batch),
        "color_jitter": (jitter.ColorJitter(), batch),
        "cut_mix": (mix.CutMix(num_classes=3), batch),
        "filter_boxes": (targets.FilterBoxes(), boxed),
        "gaussian_blur": (jitter.GaussianBlur(), batch),
        "in_pixels": (jitter.InPixels((0.0,) * 3, (1.0,) * 3, [jitter.ColorJitter()]), batch),
        "mix_up": (mix.MixUp(num_classes=3), batch),
        "multi_scale": (resize.MultiScale((8,)), boxed),
        "noise": (noise.Noise(), batch),
        "normalize": (normalize.Normalize((0.5,) * 3, (0.25,) * 3), batch),
        "random_affine": (affine.RandomAffine(), batch),
        "random_crop": (crop.RandomCrop(padding=2), batch),
        "random_elastic": (affine.RandomElastic(), boxed),
        "random_erasing": (noise.RandomErasing(), batch),
        "random_flip": (flip.RandomFlip(), batch),
        "random_grayscale": (jitter.RandomGrayscale(0.5), batch),
        "random_perspective": (affine.RandomPerspective(), boxed),
        "random_resized_crop": (crop.RandomResizedCrop(8), boxed),
        "random_tone": (jitter.RandomTone("equalize", probability=0.5), batch),
        "resize": (resize.Resize(8), boxed),
        "two_views": (two_views.TwoViews([noise.Noise()]), batch),
    }
