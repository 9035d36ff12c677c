"""Which frames of a video form a clip."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor


def uniform_frames(total: int, count: int) -> Int[Tensor, " n"]:
    """The middles of ``count`` equal segments: floor((i + 1/2) total / count); a short video repeats frames.

    Raises ValueError for no frames. Use for evaluation, where the whole video counts.

    >>> uniform_frames(10, 5).tolist(), uniform_frames(2, 4).tolist()
    ([1, 3, 5, 7, 9], [0, 0, 1, 1])
    """
    check_frames(total, count)
    return (2 * torch.arange(count) + 1) * total // (2 * count)


def dense_frames(total: int, count: int, stride: int = 1, place: float = 0.5) -> Int[Tensor, " n"]:
    """``count`` frames, ``stride`` apart: start + i stride, the start at ``place`` (0 to 1) of where the clip fits; the last frame is repeated.

    Raises ValueError for no frames or a stride below 1. Use when motion counts; ``place`` is drawn in training and 0.5 in evaluation.

    >>> dense_frames(10, 3, stride=2, place=0.0).tolist(), dense_frames(10, 3, stride=2, place=1.0).tolist(), dense_frames(3, 4).tolist()
    ([0, 2, 4], [5, 7, 9], [0, 1, 2, 2])
    """
    check_frames(total, count)
    if stride < 1:
        raise ValueError(f"stride={stride}; expected at least 1 frame")
    free = max(0, total - (count - 1) * stride)  # where a clip can start
    start = min(int(place * free), max(0, free - 1))
    return (start + torch.arange(count) * stride).clamp(max=total - 1)


def segment_frames(total: int, count: int, place: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """One frame of each of ``count`` equal segments, at ``place`` (0 to 1, one a segment) of it: floor((i + place_i) total / count).

    Raises ValueError for no frames. Paper: Wang et al., 2016, arXiv:1608.00859. Use to see the whole of a long video by few frames.

    >>> segment_frames(10, 2, torch.tensor([0.0, 0.99])).tolist()
    [0, 9]
    """
    check_frames(total, count)
    return ((torch.arange(count) + place.double()) * total / count).long().clamp(max=total - 1)


def windows_of_frames(total: int, count: int, stride: int = 1, hop: int | None = None) -> list[Int[Tensor, " n"]]:
    """All clips of a video one after the other, ``hop`` frames apart (default: without overlap), the last one ending at the last frame.

    >>> [clip.tolist() for clip in windows_of_frames(7, 3)]
    [[0, 1, 2], [3, 4, 5], [4, 5, 6]]
    """
    length = (count - 1) * stride + 1
    hop = count * stride if hop is None else hop
    starts = list(range(0, max(1, total - length + 1), hop))
    if starts[-1] + length < total:
        starts.append(total - length)
    return [(start + torch.arange(count) * stride).clamp(max=total - 1) for start in starts]


def pairs_of_frames(total: int, gap: int = 1, hop: int = 1) -> Int[Tensor, "n 2"]:
    """Every frame that has one ``gap`` frames later, with that one, ``hop`` frames between pairs: what optical flow is computed from.

    A video too short for a pair gives none. Raises ValueError for no frames, and for a gap or hop below 1.

    >>> pairs_of_frames(5, gap=2).tolist()
    [[0, 2], [1, 3], [2, 4]]
    """
    check_frames(total, 1)
    if gap < 1 or hop < 1:
        raise ValueError(f"gap={gap}, hop={hop}; expected at least 1 frame each")
    first = torch.arange(0, max(0, total - gap), hop)
    return torch.stack([first, first + gap], 1)


def stacked_frames(total: int, count: int, stride: int = 1) -> Int[Tensor, "total count"]:
    """For each frame the ``count`` frames that end there, ``stride`` apart, the first one repeated before the beginning: what an agent sees.

    Raises ValueError for no frames or a stride below 1. Paper: Mnih et al., 2015, doi:10.1038/nature14236.

    >>> stacked_frames(3, 2).tolist()
    [[0, 0], [0, 1], [1, 2]]
    """
    check_frames(total, count)
    if stride < 1:
        raise ValueError(f"stride={stride}; expected at least 1 frame")
    return (torch.arange(total)[:, None] - torch.arange(count - 1, -1, -1) * stride).clamp(min=0)


def key_frames(frames: Shaped[Tensor, "t ..."], threshold: float, least: int = 1) -> Int[Tensor, " n"]:
    """The first frame, and each that differs from the last key frame by more than ``threshold`` on average, ``least`` frames on or later.

    Frames of any numbers; the difference is the mean of absolute differences, in their unit. Raises ValueError for no frames, a negative
    threshold, or ``least`` below 1. Use to keep what is new in slow or still videos; instead of it, ``uniform_frames``, which needs no pixels.
    Cost: one pass.

    >>> key_frames(torch.tensor([[0.0], [0.1], [0.9], [1.0], [0.0]]), threshold=0.5).tolist()
    [0, 2, 4]
    """
    check_frames(len(frames), 1)
    if threshold < 0 or least < 1:
        raise ValueError(f"threshold={threshold}, least={least}; expected a difference from 0 on and at least 1 frame")
    kept = [0]
    for i in range(least, len(frames)):
        if i - kept[-1] >= least and float((frames[i].double() - frames[kept[-1]].double()).abs().mean()) > threshold:
            kept.append(i)
    return torch.tensor(kept)


def check_frames(total: int, count: int) -> None:
    """Raise ValueError for a video or a clip without frames."""
    if total < 1 or count < 1:
        raise ValueError(f"A clip of {count} frames of a video of {total}; expected at least one of each")
