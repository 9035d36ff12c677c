"""Recurrent layers on torch's kernels, with batch-first states and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from weft._lazy import unknown
from weft.nn.shapes import expect

KINDS: dict[str, Callable[..., nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN, "rnn_relu": nn.RNN}
State = Tensor | tuple[Tensor, Tensor]


class Recurrent(nn.Module):
    """``torch.nn``'s LSTM, GRU or RNN by name: layers, directions, dropout between layers, projection.

    Shapes: x (B, T, in_dim), mask (B, T) True = keep -> outputs (B, T, out_dim), state (B, L, dim): h, or (h, c) of an LSTM; L = depth *
    directions, out_dim = directions * (projection or dim). Batch first in states too, unlike torch, so that a batch can be cut and sorted.
    Masked steps, wherever they are, are skipped in both directions and their outputs are 0; a row without any keeps its state.
    ``forget_bias`` is where an LSTM's forget gates start; None leaves them random, as torch does.
    Errors: ``ValueError`` for an unknown kind, a projection without an LSTM, or shapes that do not fit.
    Papers: Hochreiter and Schmidhuber, 1997; Cho et al., 2014, arXiv:1406.1078; Elman, 1990; forget bias 1: Jozefowicz et al., 2015.
    Use when sequences are read in order at constant memory; instead of it, ``Attention`` where all pairs matter. Cost O(T dim^2) a layer.
    For one vector a sequence take ``final_hidden(state, ...)``: the last step of a bidirectional output has read one token backwards.

    >>> layer = Recurrent("lstm", 3, 5, bidirectional=True)
    >>> outputs, (h, c) = layer(torch.randn(2, 7, 3), mask=torch.ones(2, 7, dtype=torch.bool))
    >>> outputs.shape, h.shape
    (torch.Size([2, 7, 10]), torch.Size([2, 2, 5]))
    """

    def __init__(
        self,
        kind: str,
        in_dim: int,
        dim: int,
        *,
        depth: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        projection: int = 0,
        forget_bias: float | None = 1.0,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise unknown("kind of recurrence", kind, KINDS)
        if projection and kind != "lstm":
            raise ValueError(f"Only an LSTM can project its state; got kind={kind!r} with projection={projection}.")
        more: dict[str, Any] = {"nonlinearity": "relu"} if kind == "rnn_relu" else {"proj_size": projection} if kind == "lstm" else {}
        between = dropout if depth > 1 else 0.0  # torch drops between layers only, and warns where there is nothing between
        self.layers = KINDS[kind](in_dim, dim, depth, batch_first=True, bidirectional=bidirectional, dropout=between, **more)
        self.in_dim, self.num_states = in_dim, depth * (2 if bidirectional else 1)
        if kind == "lstm" and forget_bias is not None:
            set_forget_bias(self.layers, forget_bias)

    def forward(
        self, x: Float[Tensor, "b t in"], state: State | None = None, mask: Bool[Tensor, "n s"] | None = None
    ) -> tuple[Float[Tensor, "b t out"], State]:
        expect(x, f"B T {self.in_dim}", "Recurrent")
        first = None if state is None else _swapped(state)
        if mask is None:
            outputs, last = self.layers(x, first)
            return outputs, _swapped(last)
        if mask.shape != x.shape[:2]:
            raise ValueError(f"The mask speaks of {tuple(mask.shape)} steps, x of {tuple(x.shape[:2])}; give a mask (B, T), True = keep.")
        # The steps that count move to the front in their order; torch then packs them and never sees the others.
        order = mask.to(torch.uint8).argsort(dim=1, descending=True, stable=True)
        lengths = mask.sum(1)
        dense = pack_padded_sequence(_taken(x, order), lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False)
        packed, last = self.layers(dense, first)
        front, _ = pad_packed_sequence(cast(PackedSequence, packed), batch_first=True, total_length=x.shape[1])
        outputs = _taken(front, order.argsort(dim=1)) * mask[:, :, None]
        read = (lengths > 0)[:, None, None]  # a row without a step was packed with one, which is undone here
        return outputs, _where(read, _swapped(last), state)

    def final_hidden(self, state: State) -> Float[Tensor, "b out"]:
        """The last layer's hidden state, both directions side by side, each having read the whole sequence. Shapes: -> (B, out_dim)."""
        h = state if isinstance(state, Tensor) else state[0]
        directions = 2 if self.layers.bidirectional else 1
        return h[:, -directions:].flatten(1)


@torch.no_grad()
def set_forget_bias(module: nn.Module, value: float = 1.0) -> nn.Module:
    """Set the forget bias of every ``nn.LSTM`` and ``nn.LSTMCell`` in ``module`` to ``value``, the other of torch's two to 0; return the module.

    Errors: ``ValueError`` when nothing in ``module`` has such a bias.
    Paper: Jozefowicz et al., 2015.
    Use when gaps are long: sigmoid(1) = 0.73 of the memory stays at the start, in place of a half.

    >>> set_forget_bias(nn.LSTM(2, 3)).bias_ih_l0[3:6]
    tensor([1., 1., 1.], grad_fn=<SliceBackward0>)
    """
    found = 0
    for part in module.modules():
        if isinstance(part, nn.LSTM | nn.LSTMCell):
            dim = part.hidden_size
            for name, bias in part.named_parameters(recurse=False):
                if name.startswith("bias_"):
                    bias[dim : 2 * dim] = value if name.startswith("bias_ih") else 0.0
                    found += 1
    if not found:
        raise ValueError(f"{type(module).__name__} holds no LSTM of torch.nn with a bias.")
    return module


def _swapped(state: State) -> State:
    """Layers first <-> batch first."""
    if isinstance(state, Tensor):
        return state.transpose(0, 1).contiguous()
    h, c = state
    return h.transpose(0, 1).contiguous(), c.transpose(0, 1).contiguous()


def _taken(x: Tensor, order: Tensor) -> Tensor:
    return x.gather(1, order[:, :, None].expand(-1, -1, x.shape[2]))


def _where(read: Tensor, last: State, first: State | None) -> State:
    if isinstance(last, Tensor):
        was = first if isinstance(first, Tensor) else torch.zeros_like(last)
        return torch.where(read, last, was)
    before = first if isinstance(first, tuple) else (torch.zeros_like(last[0]), torch.zeros_like(last[1]))
    return torch.where(read, last[0], before[0]), torch.where(read, last[1], before[1])
