"""Pictures or text that the method makes now and then, to see it learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from weft.engine.evaluate import undisturbed
from weft.observe.logs import first_rank


class Samples:
    """Calls ``make(method)`` every ``every`` steps and writes what it returns: ``step-000500.png`` or ``step-000500.txt``.

    ``make`` returns a PIL image, a tensor of pictures ((C, H, W) or (B, C, H, W) in [0, 1], drawn as a grid), or text. It runs in evaluation and
    inference mode, and buffers, modes and random states are as before afterwards, so training is the same with or without it. To see the same
    samples grow, draw the noise once and use it in every call. On several ranks the first one writes.

    Use when a number does not tell whether generation works; instead of it, ``Evaluation`` for numbers; cost: that of ``make``.

    >>> listener = Samples(lambda method: method.generator(method.noise), every=1000)
    >>> listener.directory.name
    'samples'
    """

    def __init__(self, make: Callable[[Any], Any], every: int = 500, directory: str | Path = "samples", name: str = "step") -> None:
        if every < 1:
            raise ValueError(f"Samples are made every 1 or more steps, got every={every}.")
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise ValueError(f"The name of samples starts a file name and must not hold a path, got {name!r}.")
        self.make, self.every, self.directory, self.name = make, every, Path(directory), name
        self.active = first_rank()
        self.made_at = 0

    def within(self, folder: str | Path) -> None:
        """Place the samples inside ``folder`` (the run's directory), unless the path is absolute."""
        self.directory = Path(folder) / self.directory

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if not self.active or not logs or state.step % self.every or state.step == self.made_at:
            return
        self.made_at = state.step
        with undisturbed(state.method), torch.inference_mode():
            made = self.make(state.method)
        folder = self.directory / state.stage
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}-{state.step:06d}"
        if isinstance(made, str):
            path.with_suffix(".txt").write_text(made, encoding="utf-8")
        else:
            picture(made).save(path.with_suffix(".png"))

    def close(self) -> None:
        """Nothing to release."""


def picture(made: Any) -> Any:
    """A PIL image of what a sample maker returned."""
    from PIL import Image

    if isinstance(made, Image.Image):
        return made
    if isinstance(made, Tensor) and made.dim() in (3, 4):
        from weft.observe.look import grid, tensor_image

        return tensor_image(made) if made.dim() == 3 else grid([tensor_image(item) for item in made])
    shape = f" of shape {tuple(made.shape)}" if isinstance(made, Tensor) else ""
    raise TypeError(f"Samples got {type(made).__name__}{shape} from make(method); return a PIL image, a tensor (C, H, W) or (B, C, H, W), or text.")
