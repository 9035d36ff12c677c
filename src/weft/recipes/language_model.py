"""Running text to a network that continues it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from weft.catalogue import build
from weft.data import BPE, Lines, Subset, TokenCodec
from weft.engine import Epochs, Evaluation, Method, Seconds, Update
from weft.methods import LanguageModel
from weft.metrics import BitsPerByte
from weft.models.text import TextWriter, generate
from weft.observe import Samples
from weft.optim import ClipNorm, adamw, cosine, warmup
from weft.recipes.parameters import Choice
from weft.recipes.session import Result, Session
from weft.serve import Bundle

LOOKED_AT = 100_000  # tokens of the held-out text that are evaluated while training
PIECES = 2000  # of byte-pair encoding, unless somebody says how many
STRIDES = 8  # windows that begin within one window's length: each epoch shows the text that often


def language_model(
    session: Session,
    *,
    data: Path,
    tokenizer: Literal["characters", "words", "bpe"] = "characters",
    vocabulary: int | None = None,
    context: int = 128,
    model: Choice = "gpt",  # type: ignore[assignment]
    epochs: int = 1,
    minutes: float | None = None,
    batch_size: int = 32,
    lr: float = 2e-3,
    weight_decay: float = 0.1,
    test: float = 0.1,
    prompt: str | None = None,
    length: int = 300,
    temperature: float = 0.8,
    every: int = 500,
) -> Result:
    """Train a language model on a UTF-8 text file: it learns to say the next character, word, or piece of a word.

    The last share ``test`` of the text is held out; the result is its ``loss`` in nats a token (``bits`` = loss / ln 2), and
    ``bits_per_byte``, which compares texts cut in different ways. ``tokenizer``: tokens are characters, words, or the pieces of words that
    byte-pair encoding learns from the training text ("bpe"). ``vocabulary``: how many different ones at most (default: all characters, all
    words, 2,000 pieces). ``context``: tokens that it sees at once. ``model``: ``gpt`` or ``lstm_lm``, with ``model.depth=6`` and so on for
    its arguments. ``epochs`` and ``minutes``: whichever comes first; an epoch shows each token eight times, at different places of the window.
    ``prompt`` and ``length``: how a sample begins (default: the held-out text's first line) and how long it is; one is written ``every`` so
    many steps and three are in the report. The bundle answers a prompt with as many tokens. ``temperature``: 0 writes the likeliest token, more
    dares more; the answer to a prompt is the same each time.
    """
    text = Lines(data).text
    cut = round(len(text) * (1 - test))
    pieces = BPE(size=vocabulary or PIECES) if tokenizer == "bpe" else None
    level = "word" if tokenizer == "words" else "character"
    codec = TokenCodec(level=level, length=context, size=vocabulary, tokenizer=pieces).fit(text[:cut])
    whole = codec.windows(text[cut:], cover=True)
    parts = {
        "train": codec.windows(text[:cut], stride=max(1, context // STRIDES)),
        "val": Subset(whole, range(min(len(whole), -(-LOOKED_AT // context)))),
        "test": whole,
    }
    train, val, held_out = session.loaders(parts, None, batch_size)

    sizes = {"vocabulary": codec.num_tokens} | ({"context": context} if model["name"] == "gpt" else {})
    method = LanguageModel(build(model, sizes))
    writer = build("text_writer", {"network": method.network, "length": length, "temperature": temperature, "seed": session.seed})
    update = Update(
        adamw(lr, weight_decay=weight_decay, betas=(0.9, 0.95)), on="network", schedule=warmup(100) | cosine(0.1), gradients=[ClipNorm(1.0)]
    )
    prompt = prompt or text[cut:].lstrip().split("\n", 1)[0][:context] or "\n"
    begin = codec.encode({"text": prompt})["input"][None]
    write = Writing(codec, begin, length, temperature, session.seed)
    until = Epochs(epochs) | Seconds(60 * minutes) if minutes else Epochs(epochs)
    evaluation = Evaluation(val, every=Epochs(1) | Seconds(60))
    state = session.fit("train", method, train, update, until=until, evaluate=evaluation, listeners=[Samples(write, every)])
    best = state.best()
    samples = {f"sample {i + 1}": write(best, i) for i in range(3)}
    measured = {"bits_per_byte": BitsPerMeanByte(len(text[cut:].encode()) / max(1, len(whole.tokens)))}
    return session.finish(best, held_out, measured, codec=codec, samples=samples, networks={"generate": writer})


class BitsPerMeanByte(BitsPerByte):
    """Bits for each byte of a text whose tokens stand for ``size`` bytes on average."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def update(self, prediction: Mapping[str, torch.Tensor], batch: Mapping[str, torch.Tensor]) -> None:
        super().update(prediction, {**batch, "bytes": torch.full(batch["target"].shape, self.size, device=batch["target"].device)})


def continued(bundle: Bundle, prompts: Sequence[str], *, length: int = 300, temperature: float = 0.8, seed: int = 0) -> list[dict[str, str]]:
    """Each prompt with what a bundled language model writes after it: ``{"text"}``. As it was bundled it answers by ``bundle.generate``."""
    network, made = language_network(bundle), []
    for prompt in prompts:
        begin = bundle.codec.encode({"text": prompt})["input"][None]
        made.append({"text": Writing(bundle.codec, begin, length, temperature, seed).after(network)})
    return made


def language_network(bundle: Bundle) -> nn.Module:
    """The network of a bundled language model that gives logits: the one within its writer, or the one that predicts."""
    writer = bundle.networks.get("generate")
    return writer.network if isinstance(writer, TextWriter) else bundle.network("predict")


class Writing:
    """Continues one prompt, always with the same random numbers, so that samples can be compared as training goes on."""

    def __init__(self, codec: TokenCodec, begin: torch.Tensor, length: int, temperature: float, seed: int) -> None:
        self.codec, self.begin, self.length, self.temperature, self.seed = codec, begin, length, temperature, seed

    def __call__(self, method: Method, number: int = 0) -> str:
        return self.after(method.main(), number)

    def after(self, network: Any, number: int = 0) -> str:
        """The prompt and what a network writes after it."""
        device = next(network.parameters()).device
        generator = torch.Generator(device).manual_seed(self.seed + number)
        tokens = list(generate(network, self.begin.to(device), self.length, temperature=self.temperature, generator=generator))
        return self.codec.text(self.begin[0]) + self.codec.text(torch.stack(tokens, 1)[0].cpu())
