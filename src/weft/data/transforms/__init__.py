"""Transforms of training batches: batch to batch, each record's randomness keyed by (seed, epoch, index, transform).

A transform is a frozen value called as ``transform(batch, random)``; loaders take a sequence of them. ``MixUp`` and ``CutMix`` turn class
numbers (B,) int64 into probabilities (B, C) float32, on every batch alike, whether or not a record was mixed; a method's cross-entropy then
sees ``batch["target"]`` of shape (B, C) and metrics that need a class take its largest entry.
"""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "apply": "weft.data.transforms.each:Apply",
    "aug_mix": "weft.data.transforms.policies:AugMix",
    "auto_augment": "weft.data.transforms.policies:AutoAugment",
    "by_epoch": "weft.data.transforms.compose:ByEpoch",
    "by_size": "weft.data.transforms.raw:BySize",
    "cached": "weft.data.transforms.cached:Cached",
    "center_crop": "weft.data.transforms.resize:CenterCrop",
    "color_jitter": "weft.data.transforms.jitter:ColorJitter",
    "compose": "weft.data.transforms.compose:Compose",
    "conditional": "weft.data.transforms.compose:Conditional",
    "cut_mix": "weft.data.transforms.mix:CutMix",
    "cutout": "weft.data.transforms.noise:Cutout",
    "degrade": "weft.data.transforms.degrade:Degrade",
    "each": "weft.data.transforms.each:Each",
    "filter": "weft.data.transforms.classical:Filter",
    "filter_boxes": "weft.data.transforms.targets:FilterBoxes",
    "gaussian_blur": "weft.data.transforms.jitter:GaussianBlur",
    "in_pixels": "weft.data.transforms.jitter:InPixels",
    "mix_up": "weft.data.transforms.mix:MixUp",
    "mosaic": "weft.data.transforms.mosaic:Mosaic",
    "multi_scale": "weft.data.transforms.resize:MultiScale",
    "multi_views": "weft.data.transforms.two_views:MultiViews",
    "noise": "weft.data.transforms.noise:Noise",
    "normalize": "weft.data.transforms.normalize:Normalize",
    "parallel": "weft.data.transforms.compose:Parallel",
    "perturb": "weft.data.transforms.adversarial:Perturb",
    "poisson_noise": "weft.data.transforms.noise:PoissonNoise",
    "rand_augment": "weft.data.transforms.policies:RandAugment",
    "random_affine": "weft.data.transforms.affine:RandomAffine",
    "random_apply": "weft.data.transforms.compose:RandomApply",
    "random_choice": "weft.data.transforms.compose:RandomChoice",
    "random_crop": "weft.data.transforms.crop:RandomCrop",
    "random_elastic": "weft.data.transforms.affine:RandomElastic",
    "random_erasing": "weft.data.transforms.noise:RandomErasing",
    "random_flip": "weft.data.transforms.flip:RandomFlip",
    "random_grayscale": "weft.data.transforms.jitter:RandomGrayscale",
    "random_perspective": "weft.data.transforms.affine:RandomPerspective",
    "random_resized_crop": "weft.data.transforms.crop:RandomResizedCrop",
    "random_tone": "weft.data.transforms.jitter:RandomTone",
    "raw_resized_crop": "weft.data.transforms.raw:RawResizedCrop",
    "resize": "weft.data.transforms.resize:Resize",
    "salt_pepper": "weft.data.transforms.noise:SaltPepper",
    "sample_clip": "weft.data.transforms.raw:SampleClip",
    "some_of": "weft.data.transforms.compose:SomeOf",
    "speckle": "weft.data.transforms.noise:Speckle",
    "trivial_augment": "weft.data.transforms.policies:TrivialAugment",
    "two_views": "weft.data.transforms.two_views:TwoViews",
}
KIND = "transform"
EXTRA = {
    "Moments": "weft.data.transforms.normalize:Moments",
    "Preset": "weft.data.transforms.presets:Preset",
    "boxes_back": "weft.data.transforms.over_views:boxes_back",
    "channel_statistics": "weft.data.transforms.normalize:channel_statistics",
    "contact_sheet": "weft.data.transforms.sheet:contact_sheet",
    "contradictions": "weft.data.transforms.presets:contradictions",
    "convert_boxes": "weft.data.transforms.targets:convert_boxes",
    "over_views": "weft.data.transforms.over_views:over_views",
    "preset": "weft.data.transforms.presets:preset",
    "random_order": "weft.data.transforms.compose:random_order",
    "stages": "weft.data.transforms.compose:stages",
    "swap_colours": "weft.data.transforms.convert:swap_colours",
    "to_bytes": "weft.data.transforms.convert:to_bytes",
    "to_float": "weft.data.transforms.convert:to_float",
    "to_image": "weft.data.transforms.convert:to_image",
    "to_tensor": "weft.data.transforms.convert:to_tensor",
    "view_transforms": "weft.data.transforms.sheet:view_transforms",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each transform and a batch (a raw one: a record) for it."""
    import torch

    batch = {"input": torch.rand(4, 3, 8, 8), "target": torch.tensor([0, 1, 2, 0])}
    return _of_places(batch) | _of_values(batch)


def _of_places(batch: dict[str, Any]) -> dict[str, Any]:
    """What moves pixels."""
    import torch
    from PIL import Image

    from weft.data.transforms import affine, crop, flip, mosaic, noise, raw, resize, targets, two_views

    boxed = batch | {"boxes": torch.tensor([[[0.0, 0.0, 4.0, 6.0], [2.0, 2.0, 3.0, 2.5]]]).repeat(4, 1, 1)}
    return {
        "by_size": (raw.BySize([(8, None), (None, raw.RawResizedCrop(8))]), {"image": Image.new("RGB", (12, 9))}),
        "center_crop": (resize.CenterCrop(8), batch),
        "filter_boxes": (targets.FilterBoxes(), boxed),
        "mosaic": (mosaic.Mosaic(num_classes=3), boxed),
        "multi_scale": (resize.MultiScale((8,)), boxed),
        "multi_views": (two_views.MultiViews([crop.RandomResizedCrop(8)]), batch),
        "random_affine": (affine.RandomAffine(), batch),
        "random_crop": (crop.RandomCrop(padding=2), batch),
        "random_elastic": (affine.RandomElastic(), boxed),
        "random_flip": (flip.RandomFlip(), batch),
        "random_perspective": (affine.RandomPerspective(), boxed),
        "random_resized_crop": (crop.RandomResizedCrop(8), boxed),
        "raw_resized_crop": (raw.RawResizedCrop(8), {"image": Image.new("RGB", (12, 9))}),
        "resize": (resize.Resize(8), boxed),
        "sample_clip": (raw.SampleClip(2), {"frames": [1, 2, 3]}),
        "two_views": (two_views.TwoViews([noise.Noise()]), batch),
    }


def _of_values(batch: dict[str, Any]) -> dict[str, Any]:
    """What changes values, and what is made of transforms."""
    import torch
    from torch import nn

    from weft.data.transforms import adversarial, cached, classical, compose, degrade, each, flip, jitter, mix, noise, normalize, policies

    return {
        "apply": (each.Apply(torch.neg), batch),
        "aug_mix": (policies.AugMix(), batch),
        "auto_augment": (policies.AutoAugment("cifar10"), batch),
        "by_epoch": (compose.ByEpoch([noise.Noise()], [0]), batch),
        "cached": (cached.Cached(normalize.Normalize((0.5,) * 3, (0.25,) * 3)), batch),
        "color_jitter": (jitter.ColorJitter(), batch),
        "compose": (compose.Compose([noise.Noise()]), batch),
        "conditional": (compose.Conditional(noise.Noise(), lambda b: b["target"] > 0), batch),
        "cut_mix": (mix.CutMix(num_classes=3), batch),
        "cutout": (noise.Cutout(4), batch),
        "degrade": (degrade.Degrade(["jpeg", "gaussian_noise"]), batch),
        "each": (each.Each(flip.RandomFlip()), batch),
        "filter": (classical.Filter("sobel"), batch),
        "gaussian_blur": (jitter.GaussianBlur(), batch),
        "in_pixels": (jitter.InPixels((0.0,) * 3, (1.0,) * 3, [jitter.ColorJitter()]), batch),
        "mix_up": (mix.MixUp(num_classes=3), batch),
        "noise": (noise.Noise(), batch),
        "normalize": (normalize.Normalize((0.5,) * 3, (0.25,) * 3), batch),
        "parallel": (compose.Parallel([noise.Noise(), flip.RandomFlip()]), batch),
        "perturb": (adversarial.Perturb(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), nn.functional.cross_entropy), batch),
        "poisson_noise": (noise.PoissonNoise(), batch),
        "rand_augment": (policies.RandAugment(), batch),
        "random_apply": (compose.RandomApply(noise.Noise()), batch),
        "random_choice": (compose.RandomChoice([noise.Noise(), flip.RandomFlip()]), batch),
        "random_erasing": (noise.RandomErasing(), batch),
        "random_grayscale": (jitter.RandomGrayscale(0.5), batch),
        "random_tone": (jitter.RandomTone("equalize", probability=0.5), batch),
        "salt_pepper": (noise.SaltPepper(), batch),
        "some_of": (compose.SomeOf([noise.Noise(), flip.RandomFlip()]), batch),
        "speckle": (noise.Speckle(), batch),
        "trivial_augment": (policies.TrivialAugment(), batch),
    }
