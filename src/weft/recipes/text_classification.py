"""Labelled texts to a classifier."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

from weft.catalogue import build
from weft.data import BPE, TextCodec
from weft.engine import Epochs, Evaluation, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy, BalancedAccuracy, LogLoss
from weft.optim import ClipNorm, adamw, cosine, warmup
from weft.recipes.parameters import Choice
from weft.recipes.parts import parts_of
from weft.recipes.session import Result, Session
from weft.recipes.texts import labelled_texts


def text_classification(
    session: Session,
    *,
    data: Path,
    text: str = "text",
    label: str = "label",
    tokenizer: Literal["characters", "words", "bpe"] = "words",
    max_length: int = 256,
    vocabulary: int = 20_000,
    model: Choice = "text_classifier",  # type: ignore[assignment]
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    unreadable: Literal["stop", "skip"] = "stop",
    test: float = 0.2,
    validation: float = 0.1,
) -> Result:
    """Train a classifier on texts: a table with the columns ``text`` and ``label``, or a folder ``reviews/good/1.txt``.

    Folders ``train``, ``val`` and ``test`` above the classes are kept apart as they are: ``reviews/train/good/1.txt``.
    ``text`` and ``label``: other names of the columns. ``tokenizer``: tokens are characters, words, or the pieces of words that byte-pair
    encoding learns from the training texts ("bpe"); ``vocabulary``: the number of different tokens at most. What lies beyond ``max_length``
    tokens is cut off. ``model``: a network from token numbers to classes, with ``model.dim=64`` and so on for its arguments. ``unreadable``:
    "stop" at a file that is not UTF-8 or a row without text or label, or "skip" them all and say how many. ``test`` and ``validation``: the
    shares held out for the result and for choosing the best weights, where no folder says it; equal texts stay together.
    """
    read = partial(labelled_texts, text=text, label=label, unreadable=unreadable)
    parts = parts_of(data, read, test=test, validation=validation, key=text, label=label, quiet=session.rank > 0)
    pieces = BPE(size=vocabulary) if tokenizer == "bpe" else None
    level = "character" if tokenizer == "characters" else "word"
    codec = TextCodec(level=level, max_length=max_length, size=vocabulary, text=text, label=label, tokenizer=pieces).fit(parts["train"])
    train, val, held_out = session.loaders(parts, codec, batch_size)
    network = build(model, {"vocabulary": codec.num_tokens, "num_classes": codec.num_classes})
    method = Supervised(network, cross_entropy)
    update = Update(adamw(lr, weight_decay=weight_decay), on="network", schedule=warmup(20) | cosine(), gradients=[ClipNorm(1.0)])
    measured: dict[str, Any] = {"accuracy": Accuracy(), "balanced_accuracy": BalancedAccuracy(), "log_loss": LogLoss()}
    state = session.fit("train", method, train, update, until=Epochs(epochs), evaluate=Evaluation(val, measured, monitor="log_loss"))
    return session.finish(state.best(), held_out, measured, codec=codec)
