"""Worse pictures: noise, blur, pixels, JPEG and weather at five severities, for robustness and super-resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft._lazy import unknown
from weft.data.contracts import Batch
from weft.data.keyed import Random
from weft.data.transforms import colour, geometry
from weft.data.transforms.compose import branch
from weft.data.transforms.convert import rgb_to_ycc, ycc_to_rgb
from weft.data.transforms.noise import Noise, PoissonNoise, SaltPepper, Speckle

Pictures = Float[Tensor, "b c h w"]
# ITU-T T.81, annex K: how coarsely each frequency of an 8 x 8 block is kept at quality 50, for lightness and for colour differences.
LIGHT = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56), (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92), (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip
TINT = (
    (17, 18, 24, 47, 99, 99, 99, 99), (18, 21, 26, 66, 99, 99, 99, 99), (24, 26, 56, 99, 99, 99, 99, 99), (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99), (99, 99, 99, 99, 99, 99, 99, 99), (99, 99, 99, 99, 99, 99, 99, 99), (99, 99, 99, 99, 99, 99, 99, 99),
)  # fmt: skip


def jpeg(x: Pictures, quality: Float[Tensor, " b"], halve: bool = True) -> Pictures:
    """What JPEG of ``quality`` (1 to 100, one a record) leaves of pictures in [0, 1]: cosines of 8 x 8 blocks, rounded, and back.

    ``halve`` keeps colour differences at half the size, as most writers do. The gradient passes the rounding as if it were not there.
    Standard: ITU-T T.81.
    """
    if not len(x):
        return x
    height, width = x.shape[-2:]
    whole = F.pad(x, (0, -width % 16, 0, -height % 16), mode="replicate")
    planes = [whole] if x.shape[1] == 1 else list(rgb_to_ycc(whole).split(1, 1))
    scale = torch.where(quality < 50, 5000 / quality.clamp(min=1), 200 - 2 * quality).to(x.device)[:, None, None]
    for number, plane in enumerate(planes):
        small = number > 0 and halve
        table = torch.tensor(TINT if number else LIGHT, dtype=x.dtype, device=x.device)
        steps = ((table * scale + 50) / 100).floor().clamp(1, 255)
        planes[number] = _rounded(F.avg_pool2d(plane, 2) if small else plane, steps)
        if small:
            planes[number] = F.interpolate(planes[number], scale_factor=2, mode="bilinear")
    done = planes[0] if len(planes) == 1 else ycc_to_rgb(torch.cat(planes, 1))
    return done[..., :height, :width].clamp(0, 1)


def _rounded(plane: Tensor, steps: Tensor) -> Tensor:
    """(B, 1, H, W) with each 8 x 8 block's cosines in whole ``steps`` (B, 8, 8)."""
    place = torch.arange(8, dtype=plane.dtype, device=plane.device)
    cosines = (math.pi / 8 * (place + 0.5) * place[:, None]).cos() / 2
    cosines[0] /= 2**0.5  # orthonormal: its transpose is its inverse
    count, _, height, width = plane.shape
    blocks = (plane * 255 - 128).reshape(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    found = cosines @ blocks @ cosines.T / steps[:, None, None]
    found = found + (found.round() - found).detach()
    blocks = cosines.T @ (found * steps[:, None, None]) @ cosines
    return ((blocks + 128) / 255).transpose(2, 3).reshape(count, 1, height, width)


def motion_blur(x: Pictures, length: int, angle: float) -> Pictures:
    """The mean over a line of ``length`` pixels at ``angle`` radians; the border is repeated."""
    reach = length // 2
    along = torch.linspace(-reach, reach, 4 * length + 1)
    columns, rows = (along * math.cos(angle)).round().long() + reach, (along * math.sin(angle)).round().long() + reach
    kernel = torch.zeros(2 * reach + 1, 2 * reach + 1)
    kernel.index_put_((rows, columns), torch.ones(len(along)), accumulate=True)
    return _replicated(x, kernel / kernel.sum())


def defocus(x: Pictures, radius: float) -> Pictures:
    """The mean over a disc, its rim counted by how much of each pixel it covers; the border is repeated."""
    reach = math.ceil(radius)
    line = torch.arange(-reach, reach + 1)
    kernel = (radius + 0.5 - (line[:, None] ** 2 + line**2).sqrt()).clamp(0, 1)
    return _replicated(x, kernel / kernel.sum())


def _replicated(x: Tensor, kernel: Tensor) -> Tensor:
    reach = kernel.shape[0] // 2
    padded = F.pad(x, (reach,) * 4, mode="replicate")
    return F.conv2d(padded, kernel.to(x).expand(x.shape[1], 1, *kernel.shape), groups=x.shape[1])


def pixelate(x: Pictures, share: float) -> Pictures:
    """Each side at ``share`` of its pixels by means, and back as squares."""
    small = (max(1, round(x.shape[2] * share)), max(1, round(x.shape[3] * share)))
    return geometry.resize(geometry.resize(x, small), (x.shape[2], x.shape[3]), "nearest")


def fog(x: Pictures, strength: float, random: Random) -> Pictures:
    """Smooth white clouds (random values on grids of 2, 4, 8 and 16 cells, halving in weight) mixed over the picture."""
    cloud = torch.zeros(len(x), 1, *x.shape[2:], device=x.device)
    for level in range(1, 5):
        grid = random.uniform(1, 2**level + 1, 2**level + 1).to(x.device)
        cloud += 0.5**level * F.interpolate(grid, size=x.shape[2:], mode="bilinear", align_corners=True)
    return (x + strength * cloud) / (1 + strength)


# The strength at severities 1 to 5, after the corruptions of ImageNet-C (Hendrycks and Dietterich, 2019, arXiv:1903.12261).
STRENGTHS: dict[str, tuple[float, ...]] = {
    "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": (60, 25, 12, 5, 3),
    "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "speckle_noise": (0.15, 0.2, 0.35, 0.45, 0.6),
    "gaussian_blur": (1, 1.5, 2, 3, 4),
    "defocus_blur": (1.5, 2.5, 3.5, 5, 6.5),
    "motion_blur": (5, 7, 9, 13, 17),
    "pixelate": (0.75, 0.5, 0.4, 0.3, 0.2),
    "jpeg": (25, 18, 15, 10, 7),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "darkness": (0.8, 0.65, 0.5, 0.35, 0.25),
    "fog": (1.0, 1.5, 2.0, 2.5, 3.5),
    "occlusion": (0.2, 0.3, 0.4, 0.5, 0.6),
}


def degraded(x: Pictures, name: str, severity: int, random: Random) -> Pictures:
    """One corruption at a severity from 1 to 5 of pictures in [0, 1]; ``random`` gives each record its own noise and place.

    Raises ValueError for an unknown corruption or severity.

    >>> degraded(torch.rand(1, 3, 16, 16), "jpeg", 5, Random(0, 0, torch.arange(1))).shape
    torch.Size([1, 3, 16, 16])
    """
    if name not in STRENGTHS:
        raise unknown("corruption", name, STRENGTHS)
    if not 1 <= severity <= 5:
        raise ValueError(f"severity={severity}; expected 1 (mild) to 5 (severe)")
    if not len(x):
        return x
    value = STRENGTHS[name][severity - 1]
    same, noises = torch.full((len(x),), float(value)), {"gaussian_noise": Noise, "impulse_noise": SaltPepper, "speckle_noise": Speckle}
    if name in noises:
        return noises[name](value)({"input": x}, random)["input"].clamp(0, 1)
    if name == "shot_noise":
        return PoissonNoise(value)({"input": x.clamp(0, 1)}, random)["input"].clamp(0, 1)
    if name == "motion_blur":  # one direction a record
        turns = random.uniform() * math.pi
        return torch.cat([motion_blur(one[None], int(value), float(turn)) for one, turn in zip(x, turns, strict=True)])
    if name == "occlusion":
        sides = torch.tensor([value * side for side in x.shape[-2:]])
        first = random.uniform(2) * (torch.tensor(x.shape[-2:]) - sides)
        rows, columns = (
            ((torch.arange(n) >= first[:, i, None]) & (torch.arange(n) < first[:, i, None] + sides[i])) for i, n in enumerate(x.shape[-2:])
        )
        return x.masked_fill((rows[:, :, None] & columns[:, None])[:, None].to(x.device), 0.5)
    plain = {
        "gaussian_blur": lambda: colour.blur(x, same),
        "defocus_blur": lambda: defocus(x, value),
        "pixelate": lambda: pixelate(x, value),
        "jpeg": lambda: jpeg(x, same),
        "contrast": lambda: colour.contrast(x, same),
        "brightness": lambda: (x + value).clamp(0, 1),
        "darkness": lambda: colour.brightness(x, same),
        "fog": lambda: fog(x, value, random),
    }
    return plain[name]()


@dataclass(frozen=True)
class Degrade:
    """Make pictures worse by corruptions one after the other, each at a severity drawn from ``severities`` (whole numbers from 1 to 5).

    ``names``: "gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise", "gaussian_blur", "defocus_blur", "motion_blur", "pixelate",
    "jpeg", "contrast", "brightness", "darkness", "fog", "occlusion". With ``clean`` the picture as it was stays under that key. Listing a
    row of them twice is a second-order degradation. Shapes: (B, C, H, W) float in [0, 1].
    Raises ValueError for unknown names and severities.
    Paper: Hendrycks and Dietterich, 2019, arXiv:1903.12261; for super-resolution Wang et al., 2021, arXiv:2107.10833.
    Use to test robustness (one name, one severity) or to learn to restore (``clean="target"``). Cost: each corruption, the shot noise the dearest.

    >>> batch = Degrade(["gaussian_blur", "jpeg"], clean="target")({"input": torch.rand(2, 3, 16, 16)}, Random(0, 0, torch.arange(2)))
    >>> sorted(batch)
    ['input', 'target']
    """

    names: Sequence[str]
    severities: Sequence[int] = (1, 2, 3, 4, 5)
    clean: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "severities", tuple(self.severities))
        for name in self.names:
            if name not in STRENGTHS:
                raise unknown("corruption", name, STRENGTHS)
        if not self.severities or not set(self.severities) <= {1, 2, 3, 4, 5}:
            raise ValueError(f"severities={self.severities}; expected some of 1 to 5")

    def __call__(self, batch: Batch, random: Random) -> Batch:
        x = batch["input"]
        for name in self.names:
            drawn = random.integers(0, len(self.severities))
            out = x.clone()
            for number, severity in enumerate(self.severities):
                rows = (drawn == number).nonzero()[:, 0]
                if len(rows):
                    at = rows.to(x.device)
                    out[at] = degraded(x[at], name, severity, branch(random, number, rows))
            x = out
        return batch | {"input": x} | ({self.clean: batch["input"]} if self.clean else {})
