"""Keras' recurrent layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from weft.models.exchange.keras_activations import keras_activation

GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
ORDER = {"SimpleRNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 1, 2, 3)}  # torch's gates among Keras': r, z, n from z, r, h
KERNELS = {"LSTM": ("tanh", "sigmoid"), "GRU": ("tanh", "sigmoid"), "SimpleRNN": ("tanh", "sigmoid")}


class KerasRecurrent(nn.Module):
    """Keras' SimpleRNN, LSTM or GRU, weights kept in torch's order of gates.

    Shapes: x (B, T, D), mask (B, T) True = a step that counts -> (B, T, H) or the last (B, H); with ``return_state`` a tuple, states after it.
    A masked step leaves state and output as they were (output zero with ``zero_output_for_mask``).
    Differs from torch: GRU may reset before the product (``reset_after=False``), any activation, masks, backwards in time.
    Use for networks that come from Keras; instead of it, ``torch.nn.LSTM`` in new ones. Cost: torch's kernel where it computes the same (usual
    activations, no mask), else a loop over time.

    >>> layer = KerasRecurrent("LSTM", {"units": 2, "activation": "tanh", "recurrent_activation": "sigmoid"}, [(3, 8), (2, 8), (8,)])
    >>> layer(torch.zeros(1, 4, 3)).shape
    torch.Size([1, 2])
    """

    takes_mask = True

    def __init__(self, kind: str, config: Mapping[str, Any], shapes: Sequence[Sequence[int]], *, before_3: bool = False) -> None:
        super().__init__()
        self.kind, (size, width), self.units = kind, shapes[0], int(shapes[1][0])
        if width != GATES[kind] * self.units:
            raise ValueError(f"{kind} of {self.units} units has a kernel of shape {tuple(shapes[0])}; expected {GATES[kind] * self.units} columns.")
        self.reset_after = len(shapes) < 3 or len(shapes[2]) == 2 if kind == "GRU" else True
        if kind == "GRU" and len(shapes) < 3:
            self.reset_after = bool(config.get("reset_after", True))
        holder = {"SimpleRNN": nn.RNN, "LSTM": nn.LSTM, "GRU": nn.GRU}[kind]
        # torch adds two biases and Keras has one: the second stays zero and is not trained, except in the GRU that resets after the product
        self.rnn = holder(int(size), self.units, bias=len(shapes) > 2, batch_first=True)
        if len(shapes) > 2 and not (kind == "GRU" and self.reset_after):
            nn.init.zeros_(self.rnn.bias_hh_l0).requires_grad_(False)
        names = str(config.get("activation", "tanh")), str(config.get("recurrent_activation", "sigmoid"))
        self.kernel = (names == KERNELS[kind] and self.reset_after) or (kind == "SimpleRNN" and names[0] == "tanh")
        self.act = keras_activation(config.get("activation", "tanh"), before_3=before_3)
        self.gate = keras_activation(config.get("recurrent_activation", "sigmoid"), before_3=before_3)
        self.sequences, self.states = bool(config.get("return_sequences")), bool(config.get("return_state"))
        self.backwards, self.zero = bool(config.get("go_backwards")), bool(config.get("zero_output_for_mask"))

    def fill(self, arrays: Sequence[Tensor]) -> None:
        """Take Keras' kernel (D, G H), recurrent kernel (H, G H) and bias (G H,) or (2, G H)."""

        def gates(array: Tensor) -> Tensor:
            parts = array.t().reshape(GATES[self.kind], self.units, -1) if array.ndim == 2 else array.reshape(GATES[self.kind], self.units, 1)
            return parts[list(ORDER[self.kind])].reshape(-1, parts.shape[-1])

        with torch.no_grad():
            self.rnn.weight_ih_l0.copy_(gates(arrays[0]))
            self.rnn.weight_hh_l0.copy_(gates(arrays[1]))
            if len(arrays) > 2:
                rows = arrays[2].reshape(-1, arrays[2].shape[-1])
                self.rnn.bias_ih_l0.copy_(gates(rows[0]).squeeze(-1))
                self.rnn.bias_hh_l0.copy_(gates(rows[1]).squeeze(-1) if len(rows) > 1 else torch.zeros_like(self.rnn.bias_hh_l0))

    def step(self, given: Float[Tensor, "b g"], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The next state from one step's input products; its first part is the output."""
        weight, bias = self.rnn.weight_hh_l0, self.rnn.bias_hh_l0 if self.rnn.bias else None
        h = state[0]
        if self.kind == "SimpleRNN":
            return (self.act(given + nn.functional.linear(h, weight, bias)),)
        if self.kind == "LSTM":
            i, f, g, o = (given + nn.functional.linear(h, weight, bias)).chunk(4, -1)
            c = self.gate(f) * state[1] + self.gate(i) * self.act(g)
            return self.gate(o) * self.act(c), c
        u, (ri, zi, ni) = self.units, given.chunk(3, -1)
        if self.reset_after:
            rh, zh, nh = nn.functional.linear(h, weight, bias).chunk(3, -1)
            r, z = self.gate(ri + rh), self.gate(zi + zh)
            new = self.act(ni + r * nh)
        else:
            rh, zh = nn.functional.linear(h, weight[: 2 * u]).chunk(2, -1)
            r, z = self.gate(ri + rh), self.gate(zi + zh)
            new = self.act(ni + nn.functional.linear(r * h, weight[2 * u :]))
        return (z * h + (1 - z) * new,)

    def forward(
        self, x: Float[Tensor, "b t d"], *given: Tensor, initial_state: Any = None, mask: Bool[Tensor, "b t"] | None = None
    ) -> Tensor | tuple[Tensor, ...]:
        initial = list(given) or ([initial_state] if isinstance(initial_state, Tensor) else list(initial_state or ()))
        if self.backwards:
            x, mask = x.flip(1), None if mask is None else mask.flip(1)
        state = tuple(initial) or (x.new_zeros(len(x), self.units),) * (2 if self.kind == "LSTM" else 1)
        if self.kernel and mask is None:
            packed = tuple(part[None].contiguous() for part in state)
            outputs, last = self.rnn(x, packed if self.kind == "LSTM" else packed[0])
            state = tuple(part[0] for part in last) if self.kind == "LSTM" else (last[0],)
            output = outputs[:, -1]
        else:
            outputs, output, state = self.unrolled(x, state, mask)
        result = outputs if self.sequences else output
        return (result, *state) if self.states else result

    def unrolled(self, x: Tensor, state: tuple[Tensor, ...], mask: Tensor | None) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Step by step, where a mask or an activation asks for it."""
        products = nn.functional.linear(x, self.rnn.weight_ih_l0, self.rnn.bias_ih_l0 if self.rnn.bias else None)
        outputs, output = [], torch.zeros_like(state[0])
        for t in range(x.shape[1]):
            new = self.step(products[:, t], state)
            if mask is None:
                state, output = new, new[0]
            else:
                keep = mask[:, t, None]
                state = tuple(torch.where(keep, now, before) for now, before in zip(new, state, strict=True))
                output = torch.where(keep, new[0], output)
            outputs.append(output if mask is None or not self.zero else torch.where(mask[:, t, None], new[0], torch.zeros_like(output)))
        return torch.stack(outputs, 1), output, state


class KerasBidirectional(nn.Module):
    """Two recurrent layers, one of them backwards in time, their outputs concatenated, added, averaged or multiplied.

    Shapes: (B, T, D) -> (B, T, 2 H) or (B, 2 H) when concatenated. The states of both follow when the layers return theirs.
    Errors: ``ValueError`` for another way to merge.
    """

    takes_mask = True

    def __init__(self, forward_layer: KerasRecurrent, backward_layer: KerasRecurrent, merge: str | None = "concat") -> None:
        super().__init__()
        self.ahead, self.back, self.merge = forward_layer, backward_layer, merge
        self.sequences = forward_layer.sequences
        if merge not in ("concat", "sum", "ave", "mul", None):
            raise ValueError(f"Bidirectional merges by {merge!r}; expected concat, sum, ave, mul or None.")

    def forward(self, x: Float[Tensor, "b t d"], *given: Tensor, initial_state: Any = None, mask: Bool[Tensor, "b t"] | None = None) -> Any:
        initial = list(given) or list(initial_state or ())
        half = len(initial) // 2
        left = self.ahead(x, initial_state=initial[:half], mask=mask)
        right = self.back(x, initial_state=initial[half:], mask=mask)
        (y, *one), (z, *two) = (left, right) if self.ahead.states else ((left,), (right,))
        z = z.flip(1) if self.sequences else z
        if self.merge is None:
            return (y, z, *one, *two)
        merged = {"concat": lambda: torch.cat([y, z], -1), "sum": lambda: y + z, "ave": lambda: (y + z) / 2, "mul": lambda: y * z}[self.merge]()
        return (merged, *one, *two) if one else merged
