"""Frames and overlap-add."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data.audio.framing import check_hop, frame_signal, is_cola, num_frames, overlap_add, window_of


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(2, 40), st.data(), st.sampled_from(["hann", "hamming", "blackman", "rect"]))
def test_overlap_add_restores_the_signal(samples, length, data, window):
    """Property: frames of any length and hop up to a half add up to the signal again; only the first sample under a window that begins with 0 is lost."""
    hop = data.draw(st.integers(1, max(1, length // 2)))
    x = torch.randn(2, samples, dtype=torch.float64)
    frames = frame_signal(x, length, hop, window=window)
    assert frames.shape == (2, num_frames(samples, length, hop), length)
    back = overlap_add(frames, hop, analysis=window, samples=samples)
    lost = 1 if window in ("hann", "blackman") else 0
    assert back.shape == x.shape and torch.allclose(back[:, lost:], x[:, lost:], atol=1e-8)
    twice = overlap_add(frames, hop, window="hamming", analysis=window, samples=samples)
    assert torch.allclose(twice[:, lost:], x[:, lost:], atol=1e-8)


def test_windows_really_multiply_and_equal_scipy():
    """Parity: windows are those of scipy.signal.get_window."""
    signal = pytest.importorskip("scipy.signal")
    for name in ("hann", "hamming", "blackman", "bartlett"):
        theirs = torch.from_numpy(signal.get_window(name, 50))
        assert torch.allclose(window_of(name, 50, like=theirs), theirs, atol=1e-12)
        assert torch.allclose(frame_signal(torch.ones(50, dtype=torch.float64), 50, 10, window=name, tail="drop")[0], theirs)
    assert torch.equal(window_of("rect", 3), torch.ones(3))


def test_every_sample_is_in_a_frame_and_a_short_clip_gives_one():
    x = torch.arange(1.0, 8)
    frames = frame_signal(x, 4, 2, window="rect")
    assert frames.tolist() == [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 0]]
    assert frame_signal(x, 4, 2, window="rect", tail="drop").tolist() == [[1, 2, 3, 4], [3, 4, 5, 6]]
    assert frame_signal(x[:1], 4, 2, window="rect").tolist() == [[1, 0, 0, 0]]
    assert frame_signal(x[:1], 4, 2, tail="drop").shape == (0, 4)
    assert frame_signal(torch.zeros(2, 3, 0), 4, 2).shape == (2, 3, 1, 4)


def test_cola_is_what_it_says():
    """Closed form: Hann at a half and a quarter adds up to a constant, at other hops not; a rectangle without overlap does."""
    assert is_cola("hann", 512, 256) and is_cola("hann", 512, 128) and is_cola("hamming", 400, 200) and is_cola("rect", 7, 7)
    assert not is_cola("hann", 512, 512) and not is_cola("hann", 512, 300) and not is_cola("rect", 7, 3)


def test_gradients_flow():
    x = torch.randn(20, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: overlap_add(frame_signal(v, 6, 3) * 2, 3, window="hann"), (x,))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="Did you mean 'hann'"):
        window_of("han", 4)
    with pytest.raises(ValueError, match="'pad' or 'drop'"):
        frame_signal(torch.zeros(8), 4, 2, tail="keep")
    with pytest.raises(ValueError, match="samples would be skipped"):
        check_hop(4, 5)
    with pytest.raises(ValueError, match="at least 1"):
        window_of("hann", 0)
    with pytest.raises(ValueError, match="leave holes; take a hop of at most 4"):
        overlap_add(frame_signal(torch.ones(40), 8, 8), 8)
