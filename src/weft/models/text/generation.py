"""How a language model writes: one token at a time, from a state that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
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
    logits: Float[Tensor, "b vocabulary"],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
    alike: bool = False,
) -> Int[Tensor, " b"]:
    """Draw one token a row: the likeliest at temperature 0, else from softmax(logits / temperature) cut to the ``top_k`` likeliest.

    ``alike``: all rows use the same random numbers, so that what a row gets does not depend on the rows beside it.
    Errors: ``ValueError`` for a negative temperature or ``top_k`` < 1.

    >>> sample(torch.tensor([[0.0, 3.0, 1.0]]), temperature=0.0)
    tensor([1])
    """
    check_sampling(temperature, top_k)
    if temperature == 0:
        return logits.argmax(-1)
    values, tokens = logits.topk(top_k) if top_k is not None and top_k < logits.shape[-1] else (logits, None)
    scaled = values.float() / temperature
    if alike:
        # the first of several exponential clocks to ring, each at the rate p: each is first with its p
        clocks = torch.empty_like(scaled[0]).exponential_(generator=generator)
        drawn = (scaled - clocks.log()).argmax(-1, keepdim=True)
    else:
        drawn = torch.multinomial(scaled.softmax(-1), 1, generator=generator)
    return (drawn if tokens is None else tokens.gather(1, drawn))[:, 0]


def generate(
    network: Decoder,
    prompt: Int[Tensor, "b t"],
    count: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
    alike: bool = False,
) -> Iterator[Int[Tensor, " b"]]:
    """Yield ``count`` tokens a row after ``prompt``, one step at a time, from the network's own state.

    The network runs in eval mode without gradients and is left in the mode it was in. ``generator`` lives on the prompt's device.
    Tokens are drawn as ``sample`` says.

    Shapes: prompt (B, T), T >= 1 -> ``count`` times (B,).
    Errors: ``ValueError``, before the first token, for an empty prompt, a negative temperature, or ``top_k`` < 1.
    Use when text is wanted as it comes; for all of it at once, and in a bundle: ``TextWriter``. Cost: one ``decode`` a token.

    >>> from weft.models.text import GPT
    >>> network = GPT(10, context=8, dim=16, depth=1, num_heads=2)
    >>> torch.stack(list(generate(network, torch.tensor([[1, 2]]), 3)), 1).shape
    torch.Size([1, 3])
    """
    expect(prompt, "B T", "generate")
    if prompt.shape[1] == 0:
        raise ValueError("generate needs a prompt of at least one token; give the start or newline token.")
    check_sampling(temperature, top_k)                  # now, not at the first token
    draw = partial(sample, temperature=temperature, top_k=top_k, generator=generator, alike=alike)
    return stream(network, prompt, count, draw)


def check_sampling(temperature: float, top_k: int | None) -> None:
    """Raise ``ValueError`` for what no token can be drawn with."""
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(f"temperature must be at least 0 and top_k at least 1; got temperature={temperature}, top_k={top_k}.")


def stream(network: Decoder, prompt: Tensor, count: int, draw: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    """The loop of ``generate``."""
    state, new = None, prompt
    for _ in range(count):
        training = network.training
        network.train(False)
        with torch.no_grad():
            logits, state = network.decode(new, state)
            token = draw(logits)
        network.train(training)
        new = token[:, None]
        yield token
