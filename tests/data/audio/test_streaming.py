"""Sound in pieces."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.data.audio.framing import frame_signal, overlap_add
from weft.data.audio.mel import mel_filters, mel_spectrogram
from weft.data.audio.spectrum import Stft
from weft.data.audio.streaming import FeatureStream, FrameStream, JitterBuffer, SignalStream, latency

X = torch.randn(2, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def chunks(x, sizes):
    """A signal cut into pieces of these sizes, again and again."""
    start, pieces = 0, []
    while start < x.shape[1]:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(x[:, start : start + size])
        start += size
        if len(pieces) > 2000:
            break
    return pieces


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 300), st.integers(1, 60), st.data(), st.sampled_from(["hann", "rect"]))
def test_frames_do_not_depend_on_the_chunks(samples, window, data, shape):
    """Property: whatever the sizes of the chunks, FrameStream's frames are those of frame_signal of the whole, the tail included."""
    hop = data.draw(st.integers(1, window))
    sizes = data.draw(st.lists(st.integers(1, 97), min_size=1, max_size=4))
    x = X[:, :samples]
    stream = FrameStream(window, hop, shape)
    for _ in range(2):  # after flush the same stream takes the next signal
        frames = [stream.push(x[:, :0]), *(stream.push(chunk) for chunk in chunks(x, sizes)), stream.flush()]
        assert torch.equal(torch.cat(frames, 1), frame_signal(x, window, hop, window=shape))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(2, 40), st.data())
def test_the_signal_comes_back_from_its_frames(samples, window, data):
    """Property: FrameStream and SignalStream together give the signal again, in order, and equal overlap_add."""
    hop = data.draw(st.integers(1, window // 2))
    sizes = data.draw(st.lists(st.integers(1, 50), min_size=1, max_size=3))
    x = X[:, :samples]
    frames, signal = FrameStream(window, hop, "hamming"), SignalStream(window, hop, analysis="hamming", shape="hann")
    pieces = [signal.push(frames.push(chunk)) for chunk in chunks(x, sizes)]
    pieces += [signal.push(frames.flush()), signal.flush()]
    out = torch.cat(pieces, 1)
    offline = overlap_add(frame_signal(x, window, hop, window="hamming"), hop, window="hann", analysis="hamming")
    assert torch.allclose(out, offline, atol=1e-9) and torch.allclose(out[:, 1:samples], x[:, 1:], atol=1e-6)


def test_the_first_window_is_sound_and_output_comes_at_once():
    stream = FrameStream(8, 4, "rect")
    first = stream.push(torch.ones(1, 8))
    assert first.shape == (1, 1, 8) and (first == 1).all()
    assert stream.push(torch.ones(1, 3)).shape[1] == 0 and stream.push(torch.ones(1, 1)).shape[1] == 1
    assert stream.flush().shape[1] == 0 and stream.flush().shape == (0, 0, 8)


def test_memory_stays_below_a_window():
    stream = FrameStream(64, 16)
    for _ in range(50):
        stream.push(torch.zeros(1, 1000))
        assert stream.rest.shape[1] < 64 and stream.rest.untyped_storage().nbytes() < 64 * 4


def test_features_of_a_stream_are_those_of_the_whole():
    """Parity: a log-mel FeatureStream gives mel_spectrogram of the whole sound, frame by frame."""
    x = torch.randn(1, 5000, dtype=torch.float64)
    filters = mel_filters(16000, 512, 40).double()
    stream = FeatureStream(FrameStream(512, 256), lambda frames: filters @ torch.fft.rfft(frames).abs().square().transpose(1, 2))
    live = torch.cat([*(stream.push(chunk) for chunk in chunks(x, [160, 7, 1024])), stream.flush()], -1)
    whole = mel_spectrogram(x, 16000, Stft(512, 256, center=False), n_mels=40)
    assert stream.flush().shape == (0, 0, 0) and stream.push(x[:, :10]).shape == (1, 40, 0)
    assert torch.allclose(live[..., : whole.shape[-1]], whole) and live.shape[-1] == whole.shape[-1] + 1


def test_another_signal_in_between_is_refused():
    stream = FrameStream(8, 4)
    stream.push(torch.zeros(2, 3))
    for wrong in (torch.zeros(1, 3), torch.zeros(2, 3, dtype=torch.float64)):
        with pytest.raises(ValueError, match="Flush before"):
            stream.push(wrong)
    stream.flush()
    assert stream.push(torch.zeros(1, 8)).shape == (1, 1, 8)


def test_latency_is_the_formula():
    """Closed form: window / rate + lookahead * hop / rate + (chunk - 1) / rate; a sample is in its first whole frame no later than that."""
    said = latency(400, 160, 16000, lookahead=3, chunk=321)
    assert (said.frame, said.lookahead, said.chunk, said.step) == (0.025, 0.03, 0.02, 0.01) and abs(said.total - 0.075) < 1e-12
    stream, come, out = FrameStream(400, 160, "rect"), 0, 0
    for chunk in chunks(torch.zeros(1, 8000), [321]):
        come += chunk.shape[1]
        out += stream.push(chunk).shape[1]
        assert come - out * 160 <= round(latency(400, 160, 16000, chunk=321).total * 16000)
    for wrong in ({"lookahead": -1}, {"chunk": 0}):
        with pytest.raises(ValueError, match="frames from 0 on"):
            latency(400, 160, 16000, **wrong)


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(8)), st.integers(1, 4), st.sets(st.integers(0, 7), max_size=3))
def test_packets_are_handed_out_in_order(order, depth, missing):
    """Property: JitterBuffer hands out every packet that is there when its turn comes, silence for the others, never one out of order."""
    buffer, out = JitterBuffer(depth), []
    for number in order:
        if number not in missing:
            buffer.put(number, torch.full((1, 2), number + 1.0))
        packet = buffer.get()
        if packet is not None:
            out.append(packet[0, 0].item())
    for turn, value in enumerate(out):
        assert value in (0.0, turn + 1.0)
    assert buffer.lost == out.count(0.0) and len(buffer.waiting) + buffer.late + len(out) - buffer.lost == 8 - len(missing)


def test_double_late_and_odd_packets():
    buffer = JitterBuffer(depth=1, first=5)
    assert buffer.get() is None
    for number in (5, 5, 4):
        buffer.put(number, torch.ones(1, 2))
    assert (buffer.doubled, buffer.late) == (1, 1) and torch.equal(buffer.get(), torch.ones(1, 2)) and buffer.get().sum() == 0
    with pytest.raises(ValueError, match="Packet 9"):
        buffer.put(9, torch.ones(1, 3))
    with pytest.raises(ValueError, match="depth=0"):
        JitterBuffer(0)
    with pytest.raises(ValueError, match="skipped"):
        FrameStream(4, 5)
