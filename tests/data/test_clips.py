"""Frames of clips, by enumeration."""

from __future__ import annotations

import pytest
import torch

from weft.data import dense_frames, segment_frames, uniform_frames, windows_of_frames


def test_uniform_frames_are_the_middles_of_equal_parts():
    """Brute force: for all lengths to 30 and counts to 12, the frame under the middle of each part."""
    for total in range(1, 31):
        for count in range(1, 13):
            wanted = [int((i + 0.5) * total / count + 1e-9) for i in range(count)]
            assert uniform_frames(total, count).tolist() == wanted
            assert min(wanted) >= 0 and max(wanted) < total


def test_dense_frames_are_a_stride_apart_and_reach_both_ends():
    """Brute force: over all lengths, strides and places the frames are a stride apart inside the video; the first and the last start occur."""
    for total in range(1, 20):
        for count in range(1, 6):
            for stride in range(1, 4):
                starts = set()
                for place in torch.linspace(0, 0.9999, 60).tolist():
                    frames = dense_frames(total, count, stride, place).tolist()
                    starts.add(frames[0])
                    assert frames == [min(frames[0] + i * stride, total - 1) for i in range(count)]
                assert starts == set(range(max(1, total - (count - 1) * stride)))


def test_segments_hold_one_frame_each():
    """Property: each frame of a segment clip lies in its own part, and every frame of the video can be taken."""
    seen = set()
    for _ in range(300):
        frames = segment_frames(23, 4, torch.rand(4)).tolist()
        assert all(int(i * 23 / 4) <= frame <= (i + 1) * 23 / 4 for i, frame in enumerate(frames))
        seen.update(frames)
    assert seen == set(range(23))


def test_windows_cover_every_frame():
    """Brute force: windows over videos of 1 to 30 frames leave none out, and the last one ends at the end."""
    for total in range(1, 31):
        for count in (1, 4, 7):
            clips = windows_of_frames(total, count)
            assert set(range(total)) == {frame for clip in clips for frame in clip.tolist()}
            assert all(len(clip) == count for clip in clips) and clips[-1][-1] == total - 1
    assert [clip.tolist() for clip in windows_of_frames(6, 3, hop=1)] == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]


def test_nothing_cannot_be_cut():
    with pytest.raises(ValueError, match="at least one of each"):
        uniform_frames(0, 3)
    with pytest.raises(ValueError, match="stride=0"):
        dense_frames(5, 2, 0)
