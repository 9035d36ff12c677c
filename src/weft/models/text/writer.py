"""A language model as it is deployed: prompts in, their continuations out."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from weft.models.text.generation import Decoder, check_sampling, generate
from weft.nn.shapes import expect


class TextWriter(nn.Module):
    """What a language model writes after each prompt: ``length`` tokens, one after the other, each the likeliest or drawn.

    At ``temperature`` 0 each is the likeliest; above it, drawn from softmax(logits / temperature) cut to the ``top_k`` likeliest, with random
    numbers that ``seed`` decides alone: the same prompt always gets the same text, whatever else is in its batch.
    Shapes: input (B, T) token ids and, for prompts of several lengths padded to the right, attend (B, T), True = a token of the prompt ->
    {"tokens": (B, length)}.
    Errors: ``TypeError`` for a network without ``decode``; ``ValueError`` for a length below 1, a negative temperature, ``top_k`` < 1, or an
    empty prompt.
    Use when a bundle is to ``generate`` text: it holds networks, and this one holds the language model's own weights. Instead of it,
    ``generate`` to see each token as it comes. Cost: ``length`` decoding steps for each length of prompt in the batch; no gradients.

    >>> from weft.models.text import GPT
    >>> writer = TextWriter(GPT(10, context=8, dim=16, depth=1, num_heads=2), length=5)
    >>> writer(torch.tensor([[1, 2], [3, 0]]), attend=torch.tensor([[True, True], [True, False]]))["tokens"].shape
    torch.Size([2, 5])
    """

    def __init__(self, network: nn.Module, *, length: int = 300, temperature: float = 0.0, top_k: int | None = None, seed: int = 0) -> None:
        super().__init__()
        if not isinstance(network, Decoder):
            raise TypeError(f"TextWriter needs a network with decode(input, state), such as gpt or lstm_lm; a {type(network).__name__} has none.")
        if length < 1:
            raise ValueError(f"TextWriter(length={length}): a continuation has at least one token.")
        check_sampling(temperature, top_k)
        self.network: nn.Module = network
        self.length, self.temperature, self.top_k, self.seed = length, temperature, top_k, seed

    def forward(self, input: Int[Tensor, "b t"], attend: Bool[Tensor, "b t"] | None = None) -> dict[str, Int[Tensor, "b n"]]:
        expect(input, "B T", "TextWriter")
        if attend is None:
            return {"tokens": self.written(input)}
        tokens, sizes = input.new_zeros(len(input), self.length), attend.sum(1)
        for size in sizes.unique().tolist():          # a network that reads padding as text would write on from the padding
            rows = sizes == size
            tokens[rows] = self.written(input[rows, :size])
        return {"tokens": tokens}

    def written(self, prompt: Int[Tensor, "b t"]) -> Int[Tensor, "b n"]:
        """What comes after prompts of one length."""
        generator = torch.Generator(prompt.device).manual_seed(self.seed) if self.temperature else None
        network = cast(Decoder, self.network)
        draw = generate(network, prompt, self.length, temperature=self.temperature, top_k=self.top_k, generator=generator, alike=True)
        return torch.stack(list(draw), 1)
