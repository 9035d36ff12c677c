"""GPT: a decoder-only transformer, and how it generates."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from weft.nn.attention import Attention, KeyValueCache
from weft.nn.feedforward import SwiGLU
from weft.nn.positions import RotaryPositions
from weft.nn.shapes import expect


class Block(nn.Module):
    """x + attention(norm(x)), then x + feedforward(norm(x)).

    Shapes: x (B, T, dim) -> (B, T, dim).
    """

    def __init__(self, dim: int, num_heads: int, rotary: RotaryPositions, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.RMSNorm(dim, eps=1e-6)
        self.attention = Attention(dim, num_heads, causal=True, rotary=rotary)
        self.norm2 = nn.RMSNorm(dim, eps=1e-6)
        self.feedforward = SwiGLU(dim, 8 * math.ceil(dim / 3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "b t d"], cache: KeyValueCache | None = None) -> Float[Tensor, "b t d"]:
        x = x + self.dropout(self.attention(self.norm1(x), cache=cache))
        return x + self.dropout(self.feedforward(self.norm2(x)))


class GPT(nn.Module):
    """Decoder-only transformer: embedding, causal blocks, and logits by the same embedding.

    Shapes: input (B, T) token ids, T <= context -> logits (B, T, vocabulary) for the token after each position.
    Errors: ``ValueError`` for a sequence longer than ``context``; ``IndexError`` for a token id outside the vocabulary.
    Paper: Radford et al., 2019 (GPT-2), with what Llama changed (Touvron et al., 2023, arXiv:2302.13971): rotary positions, RMSNorm, SwiGLU, no
    biases. The embedding is tied to the output (Press and Wolf, 2017, arXiv:1608.05859); output projections start at 0.02 / sqrt(2 * depth).
    Use when modelling or generating sequences; instead of it, ``LSTMLM`` for very long streams at constant memory. Cost O(T^2 dim + T dim^2) a layer.
    Padding goes to the right: a causal model never looks at it, so it needs no mask; the loss takes one.

    >>> GPT(65, context=32, dim=32, depth=2, num_heads=2)(torch.zeros(2, 7, dtype=torch.long)).shape
    torch.Size([2, 7, 65])
    """

    def __init__(
        self, vocabulary: int, *, context: int = 256, dim: int = 128, depth: int = 4, num_heads: int = 4, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"GPT of width {dim} cannot be cut into {num_heads} equal heads; make dim a multiple of num_heads.")
        self.vocabulary, self.context = vocabulary, context
        self.embedding = nn.Embedding(vocabulary, dim)
        rotary = RotaryPositions(dim // num_heads, context)
        self.blocks = nn.ModuleList(Block(dim, num_heads, rotary, dropout) for _ in range(depth))
        self.norm = nn.RMSNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, vocabulary, bias=False)
        self.dropout = nn.Dropout(dropout)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * depth) if residual else 0.02)
        self.head.weight = self.embedding.weight

    def forward(self, input: Int[Tensor, "b t"], caches: list[KeyValueCache] | None = None) -> Float[Tensor, "b t vocabulary"]:
        expect(input, "B T", "GPT")
        x = self.dropout(self.embedding(input))
        for i, block in enumerate(self.blocks):
            x = block(x, cache=caches[i] if caches is not None else None)
        return self.head(self.norm(x))


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
    network: GPT,
    prompt: Int[Tensor, "b t"],
    count: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Int[Tensor, " b"]]:
    """Yield ``count`` tokens a row after ``prompt``, one step at a time, from a key-value cache.

    Once prompt and tokens fill the context, the window moves on by half a context and is read anew, so that ``count`` has no limit.
    The network runs in eval mode without gradients and is left in the mode it was in.

    Shapes: prompt (B, T), T >= 1 -> ``count`` times (B,).
    Errors: ``ValueError`` for an empty prompt, a negative temperature, or ``top_k`` < 1.
    Use when text is wanted as it comes; for all of it at once: ``torch.stack(list(generate(...)), 1)``. Cost O(T) a token.

    >>> network = GPT(10, context=8, dim=16, depth=1, num_heads=2)
    >>> tokens = torch.stack(list(generate(network, torch.tensor([[1, 2]]), 3, temperature=0.0)), 1)
    >>> tokens.shape
    torch.Size([1, 3])
    """
    expect(prompt, "B T", "generate")
    if prompt.shape[1] == 0:
        raise ValueError("generate needs a prompt of at least one token; give the start or newline token.")
    training, context = network.training, network.context
    tokens = prompt[:, -context:]
    caches: list[KeyValueCache] | None = None
    for _ in range(count):
        network.eval()
        with torch.inference_mode():
            if caches is None or caches[0].length == context:
                tokens = tokens[:, -context:] if caches is None else tokens[:, -max(context // 2, 1) :]
                caches = [KeyValueCache(context) for _ in network.blocks]
                logits = network(tokens, caches)[:, -1]
            else:
                logits = network(tokens[:, -1:], caches)[:, -1]
            new = sample(logits, temperature=temperature, top_k=top_k, generator=generator)
            tokens = torch.cat([tokens, new[:, None]], dim=1)
        network.train(training)
        yield new
