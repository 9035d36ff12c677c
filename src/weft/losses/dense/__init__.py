"""Losses of pictures: regions, boxes, things, points, depth, structure, style, restoration."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "dice": "weft.losses.dense.overlap:dice",
    "jaccard": "weft.losses.dense.overlap:jaccard",
    "tversky": "weft.losses.dense.overlap:tversky",
    "focal_tversky": "weft.losses.dense.overlap:focal_tversky",
    "generalised_dice": "weft.losses.dense.overlap:generalised_dice",
    "lovasz_hinge": "weft.losses.dense.lovasz:lovasz_hinge",
    "lovasz_softmax": "weft.losses.dense.lovasz:lovasz_softmax",
    "boundary": "weft.losses.dense.boundary:boundary",
    "iou": "weft.losses.dense.boxes:iou",
    "giou": "weft.losses.dense.boxes:giou",
    "diou": "weft.losses.dense.boxes:diou",
    "ciou": "weft.losses.dense.boxes:ciou",
    "sides_iou": "weft.losses.dense.boxes:sides_iou",
    "centredness": "weft.losses.dense.boxes:centredness",
    "encoded_boxes": "weft.losses.dense.boxes:encoded_boxes",
    "quality_focal": "weft.losses.dense.detection:quality_focal",
    "centre_focal": "weft.losses.dense.detection:centre_focal",
    "discriminative": "weft.losses.dense.instances:discriminative",
    "class_mask": "weft.losses.dense.instances:class_mask",
    "heat_map": "weft.losses.dense.keypoints:heat_map",
    "keypoint_similarity": "weft.losses.dense.keypoints:keypoint_similarity",
    "joint_distance": "weft.losses.dense.keypoints:joint_distance",
    "bone_length": "weft.losses.dense.keypoints:bone_length",
    "ssim": "weft.losses.dense.structure:ssim",
    "ms_ssim": "weft.losses.dense.structure:ms_ssim",
    "scale_invariant_log": "weft.losses.dense.depth:scale_invariant_log",
    "reverse_huber": "weft.losses.dense.depth:reverse_huber",
    "edge_aware_smoothness": "weft.losses.dense.depth:edge_aware_smoothness",
    "photometric": "weft.losses.dense.depth:photometric",
    "gram_style": "weft.losses.dense.style:gram_style",
    "moment_style": "weft.losses.dense.style:moment_style",
    "content": "weft.losses.dense.style:content",
    "total_variation": "weft.losses.dense.style:total_variation",
    "perceptual": "weft.losses.dense.style:Perceptual",
    "charbonnier": "weft.losses.dense.restoration:charbonnier",
    "frequency": "weft.losses.dense.restoration:frequency",
    "patch_mse": "weft.losses.dense.restoration:patch_mse",
    "pyramid": "weft.losses.dense.restoration:pyramid",
    "temporal_consistency": "weft.losses.dense.restoration:temporal_consistency",
}
KIND = "loss"
EXTRA = {
    "Regions": "weft.losses.dense.regions:Regions",
    "centre_share": "weft.losses.dense.boxes:centre_share",
    "decode_boxes": "weft.losses.dense.boxes:decode_boxes",
    "deep_supervision": "weft.losses.dense.restoration:deep_supervision",
    "encode_boxes": "weft.losses.dense.boxes:encode_boxes",
    "gram": "weft.losses.dense.style:gram",
    "least_reprojection": "weft.losses.dense.depth:least_reprojection",
    "match": "weft.losses.dense.detection:match",
    "set_prediction": "weft.losses.dense.detection:set_prediction",
    "signed_distance": "weft.losses.dense.boundary:signed_distance",
    "soft_argmax": "weft.losses.dense.keypoints:soft_argmax",
}
__getattr__, __dir__ = attach(__name__, TABLE, EXTRA)


def examples() -> dict[str, Any]:
    """Each loss as (function, prediction, target); the target is None for a loss of one argument."""
    return _of_regions() | _of_places() | _of_pictures()


def _of_regions() -> dict[str, Any]:
    import torch

    from weft.losses import dense

    masks = (torch.randn(6, 4, 3, 3), torch.tensor([[[0, 1, 2], [3, 0, 1], [2, 3, 0]]]).expand(6, 3, 3))
    one = (torch.randn(6, 3, 3), (torch.arange(9).view(1, 3, 3).expand(6, 3, 3) % 2).float())
    things = torch.tensor([[0, 1, 1], [2, 2, 0]]).expand(6, 2, 3)

    def far(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return dense.boundary(prediction, target, distance=torch.linspace(-1, 2, 9).to(prediction).expand(len(target), 4, 9))

    return {
        "dice": (dense.dice, *masks),
        "jaccard": (dense.jaccard, *masks),
        "tversky": (dense.tversky, *masks),
        "focal_tversky": (dense.focal_tversky, *masks),
        "generalised_dice": (dense.generalised_dice, *masks),
        "lovasz_hinge": (dense.lovasz_hinge, *one),
        "lovasz_softmax": (dense.lovasz_softmax, *masks),
        "boundary": (far, *masks),
        "discriminative": (dense.discriminative, 3 * torch.randn(6, 2, 2, 3), things),
        "quality_focal": (dense.quality_focal, torch.randn(6, 3), torch.rand(6, 3)),
        "centre_focal": (dense.centre_focal, torch.randn(6, 3), torch.tensor([1.0, 0.5, 0.0]).expand(6, 3)),
        "class_mask": (lambda prediction, target: dense.class_mask(prediction, target, torch.ones(len(target), dtype=torch.long)), masks[0], one[1]),
    }


def _of_places() -> dict[str, Any]:
    import torch

    from weft.losses import dense

    corner, true = torch.rand(6, 2), torch.rand(6, 2)
    boxes = (torch.cat([corner, corner + 0.5 + torch.rand(6, 2)], 1), torch.cat([true, true + 0.5 + torch.rand(6, 2)], 1))
    sides = (0.5 + torch.rand(6, 4), 0.5 + torch.rand(6, 4))
    anchor = torch.tensor([0.0, 0.0, 1.0, 1.0])
    joints = (torch.randn(6, 4, 3), torch.randn(6, 4, 3))
    bones = torch.tensor([[0, 1], [1, 2], [2, 3]])
    maps = (torch.randn(6, 2, 3, 3), torch.rand(6, 2, 3, 3))
    return {
        "iou": (dense.iou, *boxes),
        "giou": (dense.giou, *boxes),
        "diou": (dense.diou, *boxes),
        "ciou": (dense.ciou, *boxes),
        "sides_iou": (dense.sides_iou, *sides),
        "centredness": (dense.centredness, torch.randn(6), sides[1]),
        "encoded_boxes": (lambda prediction, target: dense.encoded_boxes(prediction, target, anchor.expand(prediction.shape)), *boxes),
        "heat_map": (dense.heat_map, *maps),
        "keypoint_similarity": (lambda prediction, target: dense.keypoint_similarity(prediction, target, spread=0.5), *joints),
        "joint_distance": (dense.joint_distance, *joints),
        "bone_length": (lambda prediction, target: dense.bone_length(prediction, target, bones), *joints),
    }


def _of_pictures() -> dict[str, Any]:
    from functools import partial

    import torch
    from torch import nn

    from weft.losses import dense

    pictures = (torch.rand(6, 1, 6, 6), torch.rand(6, 1, 6, 6))  # small: every entry's slope is measured
    features = (torch.rand(6, 2, 3, 3), torch.rand(6, 2, 3, 3))
    depths = (0.5 + torch.rand(6, 1, 4, 4), 0.5 + torch.rand(6, 1, 4, 4))

    def moved(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return dense.temporal_consistency(prediction, target, torch.full((len(target), 2, 6, 6), 0.5, dtype=target.dtype))

    return {
        "ssim": (partial(dense.ssim, window=3), *pictures),
        "ms_ssim": (partial(dense.ms_ssim, window=3, scales=(0.4, 0.6)), *pictures),
        "scale_invariant_log": (dense.scale_invariant_log, *depths),
        "reverse_huber": (dense.reverse_huber, *depths),
        "edge_aware_smoothness": (dense.edge_aware_smoothness, depths[0], pictures[0][..., :4, :4]),
        "photometric": (dense.photometric, *pictures),
        "gram_style": (dense.gram_style, *features),
        "moment_style": (dense.moment_style, *features),
        "content": (dense.content, *features),
        "total_variation": (dense.total_variation, pictures[0], None),
        "perceptual": (dense.Perceptual(nn.Sequential(nn.AvgPool2d(2), nn.Tanh())), *features),
        "charbonnier": (dense.charbonnier, *depths),
        "frequency": (dense.frequency, *pictures),
        "patch_mse": (dense.patch_mse, torch.randn(6, 3, 4), torch.randn(6, 3, 4)),
        "pyramid": (dense.pyramid, *pictures),
        "temporal_consistency": (moved, *pictures),
    }
