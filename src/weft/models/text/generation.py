"""How a language model writes: one token at a time, from a state that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weft.nn.shapes import expect


@runtime_checkable
class Decoder(Protocol):
    """A network that can be asked for the next token again and again."""

    training: bool

    def decode(self, input: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Logits (B, V) of the token after ``input`` (B, T) and all that ``state`` has seen, and the new state."""
        ...

    def train(self, mode: bool = True) -> Any:
        """Switch dropout on or off, as ``nn.Module`` does."""
        ...


def sample(
    logits: Float[Tensor, "b vocabulary"], *, temperature: float = 1.0, top_k: int | None = None, generator: torch.Generator | None = None
) -> Int[Tensor, " b"]:
    """Draw one token a row: the likeliest at temperature 0, else from softmax(logits / temperature) cut to the ``top_k`` likeliest.

    Errors: ``ValueError`` for a negative temperature or ``top_k`` < 1.

    >>> sample(torch.tensor([[0.0, 3.0, 1.0]]), temperature=0.0)
    tensor([1])
    """
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature must be at least 0 and top_k at least 1; got temperature={temperature}, top_k={top_k}.")
    if temperature == 0:
        return logits.argmax(-1)
    if top_k is not None and top_k < logits.shape[-1]:
        values, tokens = logits.topk(top_k)
        return tokens.gather(1, torch.multinomial((values.float() / temperature).softmax(-1), 1, generator=generator))[:, 0]
    return torch.multinomial((logits.float() / temperature).softmax(-1), 1, generator=generator)[:, 0]


def generate(
    network: Decoder,
    prompt: Int[Tensor, "b t"],
    count: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Int[Tensor, " b"]]:
    """Yield ``count`` tokens a row after ``prompt``, one step at a time, from the network's own state.

    The network runs in eval mode without gradients and is left in the mode it was in. ``generator`` lives on the prompt's device.

    Shapes: prompt (B, T), T >= 1 -> ``count`` times (B,).
    Errors: ``ValueError``, before the first token, for an empty prompt, a negative temperature, or ``top_k`` < 1.
    Use when text is wanted as it comes; for all of it at once: ``torch.stack(list(generate(...)), 1)``. Cost: one ``decode`` a token.

    >>> from weft.models.text import GPT
    >>> network = GPT(10, context=8, dim=16, depth=1, num_heads=2)
    >>> torch.stack(list(generate(network, torch.tensor([[1, 2]]), 3)), 1).shape
    torch.Size([1, 3])
    """
    expect(prompt, "B T", "generate")
    if prompt.shape[1] == 0:
        raise ValueError("generate needs a prompt of at least one token; give the start or newline token.")
    sample(torch.zeros(1, 1), temperature=temperature, top_k=top_k)      # its errors now, not at the first token
    return stream(network, prompt, count, temperature, top_k, generator)


def stream(
    network: Decoder, prompt: Tensor, count: int, temperature: float, top_k: int | None, generator: torch.Generator | None
) -> Iterator[Tensor]:
    """The loop of ``generate``."""
    state, new = None, prompt
    for _ in range(count):
        training = network.training
        network.train(False)
        with torch.no_grad():
            logits, state = network.decode(new, state)
            token = sample(logits, temperature=temperature, top_k=top_k, generator=generator)
        network.train(training)
        new = token[:, None]
        yield token
