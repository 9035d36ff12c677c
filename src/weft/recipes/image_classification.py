"""A folder of pictures to a classifier."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from weft.catalogue import build
from weft.data import ImageCodec, ImageFolder, Source, class_weights, read_image, split_by_hash
from weft.data.transforms.crop import RandomCrop
from weft.data.transforms.flip import RandomFlip
from weft.engine import Epochs, Evaluation, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy, BalancedAccuracy, LogLoss
from weft.optim import EMA, ClipNorm, adamw, average_of, cosine, warmup
from weft.recipes.parameters import Choice
from weft.recipes.session import Result, Session

LOOKED_AT = 100  # pictures from which size and colour are guessed
SMALL, LARGE = 16, 160  # the smallest and largest size that is guessed
SIMPLE = 64  # up to this size the small network is enough


def image_classification(
    session: Session,
    *,
    data: Path,
    size: int | None = None,
    model: Choice | None = None,
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 2e-3,
    weight_decay: float = 0.05,
    label_smoothing: float = 0.05,
    flip: bool = True,
    crop: bool = True,
    ema: float = 0.99,
    balance: bool = False,
    unreadable: Literal["stop", "skip"] = "stop",
    test: float = 0.2,
    validation: float = 0.1,
) -> Result:
    """Train a classifier on a folder of pictures with a sub-folder for each class: ``photos/cat/1.jpg``.

    ``size``: pixels to which pictures are scaled and cut (default: guessed from the pictures, 16 to 160). ``model``: a network of the
    catalogue (default: ``simple_cnn`` up to 64 pixels, ``resnet18`` above), with ``model.width=16`` and so on for its arguments.
    ``flip`` and ``crop``: training pictures are mirrored, and shifted by up to an eighth; say ``flip=false`` for digits, letters and signs.
    ``ema``: decay of the averaged weights that are evaluated and packed; 0 for none. ``balance``: rare classes weigh more.
    ``unreadable``: "stop" at a picture that cannot be read, or "skip" them all and say how many. ``test`` and ``validation``: the shares that
    are held out for the result and for choosing the best weights, by a hash of the picture's path.
    """
    source = ImageFolder(data, unreadable=unreadable)
    if source.skipped and session.rank == 0:
        print(f"Skipped {len(source.skipped)} pictures that cannot be read, the first: {source.skipped[0]}")
    parts = split_by_hash(source, {"train": 1 - test - validation, "val": validation, "test": test}, stratify="label")
    found, channels = guess(source)
    size = size or found
    codec = ImageCodec(size=size, channels=channels).fit(parts["train"])
    transforms = [RandomFlip()] * flip + [RandomCrop(max(1, size // 8))] * crop
    train, val, held_out = session.loaders(parts, codec, batch_size, transforms=transforms)

    model = model or Choice.of("simple_cnn" if size <= SIMPLE else "resnet18")
    network = build(model, {"in_channels": channels, "num_classes": codec.num_classes})
    weight = class_weights([parts["train"][i]["label"] for i in range(len(parts["train"]))], codec.classes) if balance else None
    method = Supervised(network, partial(weighted, weight=weight, label_smoothing=label_smoothing))
    if ema:
        method.average = average_of(network)
    update = Update(
        adamw(lr, weight_decay=weight_decay),
        on="network",
        schedule=warmup(20) | cosine(),
        gradients=[ClipNorm(1.0)],
        after=[EMA("average", "network", ema, warm=True)] if ema else [],
    )
    measured: dict[str, Any] = {"accuracy": Accuracy(), "balanced_accuracy": BalancedAccuracy(), "log_loss": LogLoss()}
    state = session.fit("train", method, train, update, until=Epochs(epochs), evaluate=Evaluation(val, measured, monitor="log_loss"))
    return session.finish(state.best(), held_out, measured, codec=codec)


def weighted(output: Tensor, target: Tensor, *, weight: Tensor | None, label_smoothing: float) -> Tensor:
    """Cross-entropy with class weights where the output is."""
    return cross_entropy(output, target, weight=None if weight is None else weight.to(output.device), label_smoothing=label_smoothing)


def guess(source: Source) -> tuple[int, int]:
    """A size near the middle of the pictures' shorter sides, a multiple of eight, and 1 channel when all of them are grey, else 3."""
    every = max(1, len(source) // LOOKED_AT)
    looked = [read_image(source[i]["image"]) for i in range(0, len(source), every)]
    side = statistics.median(min(picture.size) for picture in looked)
    grey = all(picture.convert("L").convert("RGB").tobytes() == picture.tobytes() for picture in looked)
    return min(LARGE, max(SMALL, 8 * round(side / 8))), 1 if grey else 3
