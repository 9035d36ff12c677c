"""How recipes that make digits are trained and measured: by a classifier that never saw what the generator learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from weft.catalogue import build
from weft.data import ImageCodec, Subset, split_by_hash
from weft.data import digits as pictures
from weft.engine import Epochs, Evaluation, Method, Steps, Update
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe import Samples
from weft.observe.look import grid, tensor_image
from weft.optim import adamw, cosine
from weft.recipes.session import Result, Session
from weft.serve import NoiseCodec

DIGITS = 10
SURE = 0.9  # the probability above which the judge recognises a digit
EVERY = 500  # steps after which it is measured and shown
SHOWN = 40  # pictures that the report shows
ACROSS = 10  # pictures in a row


def halves() -> dict[str, Subset]:
    """The digits for the generator and those for its judge, the same for every seed."""
    return split_by_hash(pictures(), {"generator": 0.5, "judge": 0.5}, stratify="label")


def pixels(mean: float = 0.0, std: float = 1.0) -> ImageCodec:
    """Digits with their labels; pixels in [0, 1], moved by ``mean`` and ``std``."""
    return ImageCodec(size=8, channels=1, mean=[mean], std=[std], classes=[str(digit) for digit in range(DIGITS)])


def noise(*shape: int) -> Tensor:
    """Normal noise that is always the same, so that what is made of it can be compared as training goes on, and measured again."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def sheet(images: Tensor) -> Image.Image:
    """Pictures (B, 1, H, W) in [0, 1], ten in a row."""
    return grid([tensor_image(image) for image in images], columns=ACROSS)


@dataclass(frozen=True, eq=False)
class Judge:
    """A classifier of digits, and real digits in [0, 1] with their labels that it has not seen."""

    method: Method
    images: Tensor
    labels: Tensor

    @classmethod
    def trained(cls, session: Session) -> Judge:
        """Train the judge as a stage of its own, on the half that the generator does not get."""
        parts = halves()
        data, unseen = session.loaders({"judge": parts["judge"], "generator": parts["generator"]}, pixels(), 64)
        method = Supervised(build("simple_cnn", {"in_channels": 1, "num_classes": DIGITS, "width": 16, "num_stages": 2}), cross_entropy)
        session.fit("judge", method, data, {"judge": Update(adamw(4e-3), on="network", schedule=cosine())}, until=Epochs(40))
        batches = list(unseen)
        return cls(method, torch.cat([batch["input"] for batch in batches]), torch.cat([batch["target"] for batch in batches]))

    def probabilities(self, images: Tensor) -> Tensor:
        """Of each digit, (B, 10), for pictures (B, 1, 8, 8) in [0, 1]."""
        return self.method.predict({"input": images})["output"].float().softmax(1).cpu()

    def recognised(self, images: Tensor) -> dict[str, float]:
        """``recognised``: the share of pictures that are one digit with a probability over 0.9; ``rarest``: the share of the digit seen least.

        ``real``: the share recognised of real digits.
        """
        made, real = self._shares(images), self._shares(self.images)
        return {"recognised": float(made.sum()), "rarest": float(made.min()), "real": float(real.sum())}

    def _shares(self, images: Tensor) -> Tensor:
        sure, digit = self.probabilities(images).max(1)
        return torch.bincount(digit[sure > SURE], minlength=DIGITS) / len(images)

    def as_asked(self, images: Tensor, wanted: Tensor) -> dict[str, float]:
        """``as_asked``: the share of pictures that are taken for the digit wanted; ``worst``: that of the worst digit; ``real``: of real digits."""
        right = self.probabilities(images).argmax(1) == wanted
        each = [float(right[wanted == digit].float().mean()) for digit in wanted.unique()]
        real = self.probabilities(self.images).argmax(1) == self.labels
        return {"as_asked": float(right.float().mean()), "worst": min(each), "real": float(real.float().mean())}


def learn_to_draw(
    session: Session,
    method: Method,
    data: Any,
    updates: Mapping[str, Update],
    *,
    steps: int,
    given: Mapping[str, Tensor],
    judged: Callable[[Tensor], dict[str, float]],
    codec: NoiseCodec,
) -> Result:
    """Train a method and judge the pictures that it makes of what is ``given``, every 500 steps and at the end; the report shows the first of them.

    The last weights are the result: what measures them must not choose them.
    """
    low, high = codec.span or (0.0, 1.0)

    def made(method: Method, count: int | None = None) -> Tensor:
        return (method.predict({name: value[:count] for name, value in given.items()})["output"].float() - low) / (high - low)

    def measured(method: Method) -> dict[str, float]:
        return judged(made(method))

    def drawn(method: Method) -> Image.Image:
        return sheet(made(method, SHOWN))

    watch, look = Evaluation(measured, every=Steps(EVERY)), Samples(drawn, every=EVERY)
    state = session.fit("train", method, data, updates, until=Steps(steps), evaluate=watch, listeners=[look])
    return session.finish(state.method, measured, codec=codec, samples={"digits": drawn(state.method)})
