"""A folder of pictures to a classifier."""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from weft.catalogue import build
from weft.data import ImageCodec, ImageFolder, Source, Transform, class_weights, read_image
from weft.data.transforms import InPixels, RandAugment, TrivialAugment
from weft.data.transforms.crop import RandomCrop
from weft.data.transforms.flip import RandomFlip
from weft.engine import Epochs, Evaluation, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy, BalancedAccuracy, LogLoss
from weft.optim import EMA, ClipNorm, adamw, average_of, cosine, warmup
from weft.recipes.parameters import Choice
from weft.recipes.parts import parts_of
from weft.recipes.session import Result, Session

LOOKED_AT = 100  # pictures from which size and colour are guessed
SMALL, LARGE = 16, 160  # the smallest and largest size that is guessed
SIMPLE = 64  # up to this size the small network is enough
Augment = Literal["none", "light", "rand_augment", "trivial_augment"]


def image_classification(
    session: Session,
    *,
    data: Path,
    size: int | None = None,
    model: Choice = "auto",  # type: ignore[assignment]
    epochs: int = 20,
    batch_size: int = 32,
    lr: float = 2e-3,
    weight_decay: float = 0.05,
    label_smoothing: float = 0.05,
    augment: Augment = "light",
    flip: bool = True,
    crop: bool = True,
    ema: float = 0.99,
    balance: bool = False,
    unreadable: Literal["stop", "skip"] = "stop",
    test: float = 0.2,
    validation: float = 0.1,
) -> Result:
    """Train a classifier on a folder of pictures with a sub-folder for each class: ``photos/cat/1.jpg``.

    Folders ``train``, ``val`` and ``test`` above the classes are kept apart as they are: ``photos/train/cat/1.jpg``.
    ``size``: pixels to which pictures are scaled and cut (default: guessed from the pictures, 16 to 160). ``model``: a network of the
    catalogue (default: ``simple_cnn`` up to 64 pixels, ``resnet18`` above), with ``model.width=16`` and so on for its arguments.
    ``augment``: how training pictures are changed: "none"; "light", by ``flip`` and ``crop``: mirrored, and shifted by up to an eighth;
    "rand_augment" and "trivial_augment", by these and by random turns, shears, shifts and tones. Say ``flip=false`` for digits, letters and signs.
    ``ema``: decay of the averaged weights that are evaluated and packed; 0 for none. ``balance``: rare classes weigh more.
    ``unreadable``: "stop" at a picture that cannot be read, or "skip" them all and say how many. ``test`` and ``validation``: the shares that
    are held out for the result and for choosing the best weights, by a hash of the picture's path, where no folder says it.
    """
    parts = parts_of(data, partial(ImageFolder, unreadable=unreadable), test=test, validation=validation, quiet=session.rank > 0)
    found, channels = guess(parts["train"])
    size = size or found
    codec = ImageCodec(size=size, channels=channels).fit(parts["train"])
    transforms = augmentation(augment, codec, flip=flip, crop=crop)
    train, val, held_out = session.loaders(parts, codec, batch_size, transforms=transforms)

    model = model.settled("simple_cnn" if size <= SIMPLE else "resnet18")
    session.decided({"size": size, "model": model})
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


def augmentation(augment: Augment, codec: ImageCodec, *, flip: bool, crop: bool) -> list[Transform]:
    """The transforms of training pictures. Colours are changed on [0, 1]; what only moves pixels may come before the codec's normalisation."""
    if augment == "none":
        return []
    height, width = codec.size  # type: ignore[misc]
    light: list[Any] = [RandomFlip()] * flip + [RandomCrop(max(1, min(height, width) // 8))] * crop
    if augment == "light":
        return light
    assert codec.mean is not None and codec.std is not None
    return [*light, InPixels(codec.mean, codec.std, [RandAugment() if augment == "rand_augment" else TrivialAugment()])]


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
