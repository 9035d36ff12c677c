"""Frames of clips, by enumeration."""

from __future__ import annotations

import pytest
import torch

from weft.data import (
    dense_frames,
    key_frames,
    pairs_of_frames,
    segment_frames,
    stacked_frames,
    uniform_frames,
    windows_of_frames,
)


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


def test_pairs_and_stacks_are_those_of_a_loop():
    """Brute force: for all lengths to 12, the index tables of pairs_of_frames and stacked_frames."""
    for total in range(1, 13):
        for gap in range(1, 5):
            for hop in range(1, 4):
                assert pairs_of_frames(total, gap, hop).tolist() == [[i, i + gap] for i in range(0, total, hop) if i + gap < total]
            wanted = [[max(0, i - k * gap) for k in reversed(range(3))] for i in range(total)]
            assert stacked_frames(total, 3, gap).tolist() == wanted
    for wrong in (lambda: pairs_of_frames(0), lambda: pairs_of_frames(4, 0), lambda: stacked_frames(4, 0), lambda: stacked_frames(4, 1, 0)):
        with pytest.raises(ValueError, match="at least"):
            wrong()


def test_key_frames_are_where_the_picture_changes():
    """key_frames, closed form: planted cuts are found, slow change counts from the last key frame, and two are never nearer than said."""
    scenes = torch.tensor([0, 0, 0, 200, 200, 90, 90, 90], dtype=torch.uint8)[:, None, None].expand(8, 4, 4)
    assert key_frames(scenes, 50).tolist() == [0, 3, 5] and key_frames(scenes, 150).tolist() == [0, 3]
    assert key_frames(torch.arange(10.0)[:, None], 2.5).tolist() == [0, 3, 6, 9]
    assert key_frames(torch.tensor([[0.0], [5.0], [0.0], [5.0], [0.0]]), 1, least=2).tolist() == [0, 3]
    assert key_frames(scenes[:1], 0).tolist() == [0]
    with pytest.raises(ValueError, match="from 0 on"):
        key_frames(scenes, -1)
