"""Language modelling: the next token from those before it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from weft.engine import Method, Update
from weft.losses import Loss, cross_entropy
from weft.optim import ClipNorm, adamw, cosine, warmup


class LanguageModel(Method):
    """Minimise -log p(x_{t+1} | x_1 … x_t), the mean over every token that the mask keeps.

    Shapes: ``input`` (B, T) token ids; the network gives logits (B, T, V). ``target`` (B, T) holds the token after each one; without it the
    input is its own target, shifted by one. ``mask`` (B, T), True keeps, is about the targets (with a shifted input: about its tokens), so
    that a ragged batch counts tokens, not rows. Logs ``bits`` per token; perplexity is 2 to that power.
    ``chunk``: at most so many tokens' float32 log-probabilities exist at once; they are computed again for the gradient.
    Paper: Bengio et al., 2003; Radford et al., 2019 (GPT-2).
    Use when the answer is the text itself. Cost with ``chunk``: one more softmax, for V numbers a token less memory.

    >>> method = LanguageModel(nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5)))
    >>> float(method.loss({"input": torch.tensor([[0, 1, 2]])}).terms["loss"].count)
    2.0
    """

    def __init__(self, network: nn.Module, *, chunk: int | None = None):
        super().__init__()
        if chunk is not None and chunk < 1:
            raise ValueError(f"LanguageModel(chunk={chunk}): a chunk holds at least one token.")
        self.network, self.chunk = network, chunk

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        tokens, target, mask = batch["input"], batch.get("target"), batch.get("mask")
        if target is None:
            if tokens.shape[1] < 2:
                raise ValueError(f"Without 'target', 'input' needs at least two tokens a row; it has shape {tuple(tokens.shape)}.")
            tokens, target, mask = tokens[:, :-1], tokens[:, 1:], None if mask is None else mask[:, 1:]
        nats = self.nats(self.network(tokens), target)
        return Loss.mean(nats, mask, logs={"bits": nats / math.log(2)})

    def nats(self, logits: Tensor, target: Tensor) -> Tensor:
        """-log p of each target, (B, T, V) and (B, T) -> (B, T)."""
        if self.chunk is None:
            return cross_entropy(logits, target, dim=-1)
        pieces = zip(logits.flatten(0, 1).split(self.chunk), target.flatten().split(self.chunk), strict=True)
        return torch.cat([checkpoint(cross_entropy, rows, answers, use_reentrant=False) for rows, answers in pieces]).view(target.shape)

    def updates(self) -> dict[str, Update]:
        """AdamW as GPT-3 has it: short memory for the second moment, warm-up, cosine down to a tenth, clipping at 1."""
        optimizer = adamw(1e-3, weight_decay=0.1, betas=(0.9, 0.95))
        return {"network": Update(optimizer, schedule=warmup(100) | cosine(0.1), gradients=[ClipNorm(1.0)])}

    def deploy(self) -> dict[str, nn.Module]:
        """The network, which gives logits; a bundle that answers with text holds it within the catalogue's ``text_writer``."""
        return {"predict": self.main()}
