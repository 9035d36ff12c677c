"""Labelled texts to a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from weft.catalogue import build
from weft.data import TextCodec, split_by_hash
from weft.engine import Epochs, Evaluation, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy, BalancedAccuracy, LogLoss
from weft.optim import ClipNorm, adamw, cosine, warmup
from weft.recipes.parameters import Choice
from weft.recipes.session import Result, Session
from weft.recipes.texts import labelled_texts


def text_classification(
    session: Session,
    *,
    data: Path,
    text: str = "text",
    label: str = "label",
    level: Literal["word", "character"] = "word",
    max_length: int = 256,
    vocabulary: int = 20_000,
    model: Choice = "text_classifier",  # type: ignore[assignment]
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    test: float = 0.2,
    validation: float = 0.1,
) -> Result:
    """Train a classifier on texts: a table with the columns ``text`` and ``label``, or a folder ``reviews/good/1.txt``.

    ``text`` and ``label``: other names of the columns. ``level``: tokens are words or characters; what lies beyond ``max_length`` of them is cut
    off. ``vocabulary``: the number of different tokens at most. ``model``: a network from token numbers to classes, with ``model.dim=64`` and so
    on for its arguments. ``test`` and ``validation``: the shares held out for the result and for choosing the best weights; equal texts
    stay together.
    """
    source = labelled_texts(data, text=text, label=label)
    shares = {"train": 1 - test - validation, "val": validation, "test": test}
    parts = split_by_hash(source, shares, text, stratify=label)
    codec = TextCodec(level=level, max_length=max_length, size=vocabulary, text=text, label=label).fit(parts["train"])
    train, val, held_out = session.loaders(parts, codec, batch_size)
    network = build(model, {"vocabulary": codec.num_tokens, "num_classes": codec.num_classes})
    method = Supervised(network, cross_entropy)
    update = Update(adamw(lr, weight_decay=weight_decay), on="network", schedule=warmup(20) | cosine(), gradients=[ClipNorm(1.0)])
    measured: dict[str, Any] = {"accuracy": Accuracy(), "balanced_accuracy": BalancedAccuracy(), "log_loss": LogLoss()}
    state = session.fit("train", method, train, update, until=Epochs(epochs), evaluate=Evaluation(val, measured, monitor="log_loss"))
    return session.finish(state.best(), held_out, measured, codec=codec)
