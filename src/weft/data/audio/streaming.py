"""Sound that comes in pieces: the same frames, features and signal as if it had come at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from weft.data.audio.framing import TINY, added, check_hop, frame_signal, num_frames, window_of


class FrameStream:
    """Windowed frames of a signal that arrives in chunks of any size: equal to ``frame_signal`` of the whole.

    ``push(chunk)`` (C, n) returns the frames that are now complete (C, k, window), often none; ``flush()`` the last ones, padded with zeros, and
    makes ready for the next signal. The first frame begins at the first sample that came; less than a window is kept in memory.
    Raises ValueError for a chunk of another number of channels or another type than the first.

    Use when sound is live; instead of it, ``frame_signal`` for a whole sound. Cost: each sample is copied once for every frame it is in.

    >>> stream = FrameStream(window=4, hop=2, shape="rect")
    >>> stream.push(torch.ones(1, 3)).shape, stream.push(torch.ones(1, 4)).shape, stream.flush().shape
    (torch.Size([1, 0, 4]), torch.Size([1, 2, 4]), torch.Size([1, 1, 4]))
    """

    def __init__(self, window: int = 1024, hop: int = 512, shape: str = "hann") -> None:
        check_hop(window, hop)
        window_of(shape, window)
        self.window, self.hop, self.shape = window, hop, shape
        self.rest: Tensor | None = None
        self.given = self.seen = 0

    def push(self, chunk: Float[Tensor, "c n"]) -> Float[Tensor, "c k window"]:
        if self.rest is None:
            self.rest = chunk[:, :0]
        if chunk.shape[0] != self.rest.shape[0] or chunk.dtype != self.rest.dtype:
            raise ValueError(
                f"A chunk has {chunk.shape[0]} channels of {chunk.dtype}; this signal began with {self.rest.shape[0]} of {self.rest.dtype}. "
                "Flush before another signal"
            )
        self.seen += chunk.shape[1]
        data = torch.cat([self.rest, chunk], 1)
        frames = frame_signal(data, self.window, self.hop, window=self.shape, tail="drop")
        self.given += frames.shape[1]
        self.rest = data[:, frames.shape[1] * self.hop :].clone()  # a view would keep the whole chunk alive
        return frames

    def flush(self) -> Float[Tensor, "c k window"]:
        rest, missing = self.rest, num_frames(self.seen, self.window, self.hop) - self.given
        self.rest, self.given, self.seen = None, 0, 0
        if rest is None or rest.shape[1] + missing == 0:
            return torch.zeros(0, 0, self.window) if rest is None else rest.new_zeros(rest.shape[0], 0, self.window)
        if missing == 0:  # the last frame that was given reached the end
            return rest.new_zeros(rest.shape[0], 0, self.window)
        return frame_signal(rest, self.window, self.hop, window=self.shape)[:, :missing]


class FeatureStream:
    """Features of live sound: ``function`` maps windowed frames (C, k, window) to (C, features, k), chunk after chunk.

    Joined over the last axis, the outputs equal ``function`` of all frames at once, when it treats each frame alone.

    >>> energy = FeatureStream(FrameStream(4, 2, "rect"), lambda frames: frames.square().sum(-1)[:, None])
    >>> energy.push(torch.ones(1, 6)), energy.flush().shape
    (tensor([[[4., 4.]]]), torch.Size([1, 1, 0]))
    """

    def __init__(self, frames: FrameStream, function: Callable[[Tensor], Tensor]) -> None:
        self.frames, self.function = frames, function

    def push(self, chunk: Float[Tensor, "c n"]) -> Tensor:
        return self._of(self.frames.push(chunk))

    def flush(self) -> Tensor:
        return self._of(self.frames.flush())

    def _of(self, frames: Tensor) -> Tensor:
        if frames.shape[1]:
            return self.function(frames)
        if not frames.shape[0]:  # nothing was ever pushed, so nobody knows of what shape nothing is
            return frames.new_zeros(0, 0, 0)
        # of no frames: the right shape, from a silent one, since not every function takes none (an FFT does not)
        return self.function(frames.new_zeros(frames.shape[0], 1, frames.shape[2]))[..., :0]


class SignalStream:
    """The signal of frames that arrive one after the other: equal to ``overlap_add`` of all, samples handed out once they are final.

    ``analysis`` and ``window`` are as in ``overlap_add``. ``push(frames)`` (C, k, window) returns (C, k * hop) samples; ``flush()`` the rest.

    >>> frames, signal = FrameStream(4, 2, "hamming"), SignalStream(4, 2, analysis="hamming")
    >>> x = torch.arange(1.0, 9)[None]
    >>> torch.cat([signal.push(frames.push(x)), signal.push(frames.flush()), signal.flush()], 1)[0, :8]
    tensor([1., 2., 3., 4., 5., 6., 7., 8.])
    """

    def __init__(self, window: int = 1024, hop: int = 512, *, analysis: str = "hann", shape: str = "rect") -> None:
        check_hop(window, hop)
        self.window, self.hop = window, hop
        self.once = window_of(shape, window).double()
        self.weight = self.once * window_of(analysis, window).double()
        self.total: Tensor | None = None
        self.sums = torch.zeros(0, dtype=torch.float64)

    def push(self, frames: Float[Tensor, "c k window"]) -> Float[Tensor, "c n"]:
        count = frames.shape[1]
        if count == 0:
            return frames.new_zeros(frames.shape[0], 0)
        total = added(frames * self.once.to(frames), self.hop)
        sums = added(self.weight.to(frames.device).expand(count, -1), self.hop)
        if self.total is not None:
            total = total + F.pad(self.total, (0, total.shape[1] - self.total.shape[1]))
            sums = sums + F.pad(self.sums, (0, len(sums) - len(self.sums)))
        ready = count * self.hop
        self.total, self.sums = total[:, ready:], sums[ready:]
        return self._divided(total[:, :ready], sums[:ready])

    def flush(self) -> Float[Tensor, "c n"]:
        total, self.total = self.total, None
        return torch.zeros(0, 0) if total is None else self._divided(total, self.sums)

    def _divided(self, total: Tensor, sums: Tensor) -> Tensor:
        return torch.where(sums > TINY, total.double() / sums.clamp(min=TINY), 0.0).to(total)


@dataclass(frozen=True)
class Latency:
    """Delays of frame-by-frame processing in seconds.

    ``frame`` passes until the first frame is whole, ``lookahead`` until those after it are, ``chunk`` until a chunk is; ``total`` is their sum.
    ``step`` is the time between frames: what computing one may cost at most.
    """

    frame: float
    lookahead: float
    chunk: float
    step: float

    @property
    def total(self) -> float:
        return self.frame + self.lookahead + self.chunk


def latency(window: int, hop: int, sample_rate: int, *, lookahead: int = 0, chunk: int = 1) -> Latency:
    """The algorithm's delay: window / rate, plus ``lookahead`` frames of hop / rate, plus the rest of a chunk of ``chunk`` samples.

    Computing comes on top and must take less than ``step`` a frame, or the stream falls behind.

    >>> latency(512, 256, 16000, lookahead=2, chunk=161).total
    0.074
    """
    check_hop(window, hop)
    if sample_rate < 1 or lookahead < 0 or chunk < 1:
        raise ValueError(f"sample_rate={sample_rate}, lookahead={lookahead}, chunk={chunk}; expected a rate, frames from 0 on, at least one sample")
    return Latency(window / sample_rate, lookahead * hop / sample_rate, (chunk - 1) / sample_rate, hop / sample_rate)


class JitterBuffer:
    """Packets that arrive early, late, twice or never, handed out in order and in time.

    ``put(number, samples)`` at any time; ``get()`` once a packet's duration: None until ``depth`` packets have come (the delay that hides jitter),
    then packet after packet, and silence of the first packet's shape for one that is not there. Counted: ``lost``, ``late``, ``doubled``.

    >>> buffer = JitterBuffer(depth=2)
    >>> for number in (1, 0, 3):
    ...     buffer.put(number, torch.full((1, 2), float(number)))
    >>> [buffer.get().tolist() for _ in range(4)], buffer.lost
    ([[[0.0, 0.0]], [[1.0, 1.0]], [[0.0, 0.0]], [[3.0, 3.0]]], 1)
    """

    def __init__(self, depth: int = 3, first: int = 0) -> None:
        if depth < 1:
            raise ValueError(f"depth={depth}; expected at least one packet")
        self.depth, self.next, self.playing = depth, first, False
        self.waiting: dict[int, Tensor] = {}
        self.silence: Tensor | None = None
        self.lost = self.late = self.doubled = 0

    def put(self, number: int, samples: Float[Tensor, "c n"]) -> None:
        if self.silence is None:
            self.silence = torch.zeros_like(samples)
        if samples.shape != self.silence.shape:
            raise ValueError(f"Packet {number} has shape {tuple(samples.shape)}; the first one had {tuple(self.silence.shape)}")
        if number < self.next:
            self.late += 1
        elif number in self.waiting:
            self.doubled += 1
        else:
            self.waiting[number] = samples

    def get(self) -> Tensor | None:
        self.playing = self.playing or len(self.waiting) >= self.depth
        if not self.playing or self.silence is None:
            return None
        packet = self.waiting.pop(self.next, None)
        self.next += 1
        self.lost += packet is None
        return self.silence if packet is None else packet
