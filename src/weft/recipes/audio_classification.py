"""A folder of sounds to a classifier."""

from __future__ import annotations

import math
import statistics
from functools import partial
from pathlib import Path
from typing import Any, Literal

from weft.catalogue import build
from weft.data import AudioCodec, AudioFolder, Source, SpecAugment, audio_info
from weft.engine import Epochs, Evaluation, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.metrics import Accuracy, BalancedAccuracy, LogLoss
from weft.optim import ClipNorm, adamw, cosine, warmup
from weft.recipes.parameters import Choice
from weft.recipes.parts import parts_of
from weft.recipes.session import Result, Session

LOOKED_AT = 200  # sounds from which rate and length are guessed
FASTEST = 16_000  # samples a second that are guessed at most: speech and most calls need no more
LONGEST = 10.0  # seconds that are guessed at most


def audio_classification(
    session: Session,
    *,
    data: Path,
    pattern: str | None = None,
    sample_rate: int | None = None,
    seconds: float | None = None,
    bands: int = 40,
    model: Choice = "sound_cnn",  # type: ignore[assignment]
    epochs: int = 20,
    batch_size: int = 64,
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    augment: Literal["none", "light"] = "light",
    unreadable: Literal["stop", "skip"] = "stop",
    key: str | None = None,
    test: float = 0.2,
    validation: float = 0.1,
) -> Result:
    r"""Train a classifier on a folder of sounds with a sub-folder for each class: ``calls/owl/1.wav``.

    Folders ``train``, ``val`` and ``test`` above the classes are kept apart as they are: ``calls/train/owl/1.wav``. ``pattern``: the labels are in
    the files' names instead, as ``(?P<label>\d)_(?P<speaker>\w+)_\d+`` reads ``7_jackson_32.wav``; with ``key=speaker`` a speaker is only on one
    side of the split. ``sample_rate`` and ``seconds``: what sounds are brought to (default: guessed from the sounds, up to 16,000 a second and
    10 seconds). ``bands`` of the log-mel spectrogram. ``model``: a network from spectrograms (B, bands, T) to classes, with ``model.width=128`` and
    so on for its arguments. ``augment``: "light" hides stripes of pitch and of time while training. ``unreadable``: "stop" at a sound that cannot
    be read, or "skip" them all and say how many. ``test`` and ``validation``: the shares held out for the result and for choosing the best weights,
    by a hash of the sound's path, where no folder says it.
    """
    read = partial(AudioFolder, pattern=pattern, unreadable=unreadable)
    parts = parts_of(data, read, test=test, validation=validation, key=key, quiet=session.rank > 0)
    rate, length = guess(parts["train"])
    codec = AudioCodec(sample_rate=sample_rate or rate, seconds=seconds or length, num_features=bands).fit(parts["train"])
    masks = [SpecAugment(frequency_width=max(1, bands // 5), time_width=12)] if augment == "light" else []
    train, val, held_out = session.loaders(parts, codec, batch_size, transforms=masks)
    method = Supervised(build(model, {"bands": bands, "num_classes": codec.num_classes}), cross_entropy)
    update = Update(adamw(lr, weight_decay=weight_decay), on="network", schedule=warmup(20) | cosine(), gradients=[ClipNorm(1.0)])
    measured: dict[str, Any] = {"accuracy": Accuracy(), "balanced_accuracy": BalancedAccuracy(), "log_loss": LogLoss()}
    state = session.fit("train", method, train, update, until=Epochs(epochs), evaluate=Evaluation(val, measured, monitor="log_loss"))
    return session.finish(state.best(), held_out, measured, codec=codec)


def guess(source: Source) -> tuple[int, float]:
    """The middle rate of the sounds, and a length in tenths of a second that nineteen of twenty do not exceed."""
    looked = [audio_info(source[i]["audio"]) for i in range(0, len(source), -(-len(source) // LOOKED_AT))]
    rate = int(statistics.median_low(info.sample_rate for info in looked))
    length = sorted(info.seconds for info in looked)[math.ceil(0.95 * len(looked)) - 1]
    return min(FASTEST, rate), min(LONGEST, max(0.1, math.ceil(10 * length) / 10))
