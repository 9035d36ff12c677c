"""Four pictures in one, boxes and all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms import geometry
from weft.data.transforms.mix import probabilities
from weft.data.transforms.targets import SMALLEST, Move, area

THINGS = ("boxes", "boxes_mask", "labels", "masks", "keypoints", "keypoints_mask")


@dataclass(frozen=True)
class Mosaic:
    """Four records around a random centre in one picture of the same size, each scaled to cover its quarter.

    The centre is uniform in ``centre`` of the picture; each quarter shows a picture scaled to cover it, its corner at the centre. Boxes, ``labels``,
    masks (B, N, H, W) and key points (B, N, ..., 2) of all four come along, those outside dropped through the masks, so there are four
    times as many places. Without boxes, ``target`` (class numbers or probabilities) becomes the mean by area. Shapes: ``input`` (B, C, H, W).
    Raises ValueError for a centre outside the picture, and for class numbers without ``num_classes``.
    Paper: Bochkovskiy et al., 2020, arXiv:2004.10934. Use for detection, where objects should be seen small and in company; cost: four resizes.

    >>> batch = {"input": torch.rand(4, 3, 8, 8), "boxes": torch.tensor([[[0.0, 0.0, 8.0, 8.0]]]).repeat(4, 1, 1)}
    >>> Mosaic()(batch, Random(0, 0, torch.arange(4)))["boxes"].shape
    torch.Size([4, 4, 4])
    """

    centre: Sequence[float] = (0.25, 0.75)
    num_classes: int | None = None

    def __post_init__(self) -> None:
        low, high = self.centre
        if not 0 < low <= high < 1:
            raise ValueError(f"centre={tuple(self.centre)}; expected shares of the picture, the lower first")
        object.__setattr__(self, "centre", (low, high))

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        low, high = self.centre
        extent = torch.tensor([float(side) for side in x.shape[-2:]])
        centre = ((low + (high - low) * random.uniform(2)) * extent).round().clamp(min=1).minimum(extent - 1)  # (B, 2): y, x
        partners = [torch.arange(len(x)), *(random.permutation() for _ in range(3))]
        parts = [self._part(batch, partner.to(x.device), centre.to(x.device), corner) for corner, partner in enumerate(partners)]
        shown = torch.stack([part.pop("shown") for part in parts])  # (4, B, H, W): which pixels are whose
        out = batch | {"input": torch.stack([part["input"] for part in parts]).mul(shown[:, :, None]).sum(0).to(x.dtype)}
        out |= {key: torch.cat([part[key] for part in parts], 1) for key in parts[0].keys() & set(THINGS)}
        if "boxes" not in batch and "target" in batch:
            target = probabilities(batch["target"], self.num_classes)
            share = shown.float().mean((2, 3)).reshape(4, -1, *(1,) * (target.ndim - 1))
            out["target"] = (share * torch.stack([target[partner.to(x.device)] for partner in partners])).sum(0)
        if "mask" in batch:
            out["mask"] = torch.stack([batch["mask"][partner.to(x.device)] for partner in partners]).all(0)
        return out

    def _part(self, batch: Batch, partner: Tensor, centre: Tensor, corner: int) -> Batch:
        """One quarter: the partner scaled to cover it, its corner on the centre; its targets cut to the quarter."""
        size = (batch["input"].shape[-2], batch["input"].shape[-1])
        extent = torch.tensor([float(side) for side in size], device=centre.device)
        far = torch.tensor([corner // 2, corner % 2], device=centre.device).bool()  # below, right
        low, high = torch.where(far, centre, 0.0), torch.where(far, extent, centre)
        scale = ((high - low) / extent).amax(1, keepdim=True)
        origin = torch.where(far, centre, centre - scale * extent)
        move = Move(
            lambda x, how: geometry.resized_crop(x, -origin / scale, extent / scale, size, how),
            lambda p: p * scale[:, None] + origin.flip(1)[:, None],
            size,
        )
        part = move({key: value[partner] for key, value in batch.items() if key in ("input", *THINGS)})
        lines = [torch.arange(side, device=centre.device) for side in size]
        rows, columns = (((line >= low[:, i : i + 1]) & (line < high[:, i : i + 1])) for i, line in enumerate(lines))
        part["shown"] = rows[:, :, None] & columns[:, None]
        first, last = low.flip(1), high.flip(1)  # x, y
        if "masks" in part:
            part["masks"] = part["masks"] * part["shown"][:, None]
        if "boxes" in part:
            part["boxes"] = part["boxes"].maximum(first.repeat(1, 2)[:, None]).minimum(last.repeat(1, 2)[:, None])
            part["boxes_mask"] = part["boxes_mask"] & (area(part["boxes"]) >= SMALLEST)
        if "keypoints" in part:
            wide = (len(centre), *(1,) * (part["keypoints"].ndim - 2), 2)
            within = (part["keypoints"] >= first.reshape(wide)) & (part["keypoints"] < last.reshape(wide))
            part["keypoints_mask"] = part["keypoints_mask"] & within.all(-1)
        return part
