"""Handwritten digits made on request, out of noise that is taken away step by step."""

from __future__ import annotations

from functools import partial

import torch

from weft.catalogue import build
from weft.engine import Update
from weft.methods import Diffusion
from weft.optim import EMA, ClipNorm, adam, cosine
from weft.recipes.recognised import DIGITS, Judge, halves, learn_to_draw, noise, pixels
from weft.recipes.session import Result, Session
from weft.serve import NoiseCodec

SAMPLES = 500  # pictures that are measured; each costs ``num_steps`` passes


def digits_diffusion(
    session: Session,
    *,
    steps: int = 1000,
    batch_size: int = 64,
    lr: float = 3e-3,
    width: int = 16,
    timesteps: int = 200,
    num_steps: int = 25,
    decay: float = 0.99,
) -> Result:
    """Learn to make any asked-for digit like scikit-learn's, 8x8 pixels, by denoising diffusion.

    It learns from half of the digits, with their labels; an independent classifier, trained on the other half, says how many of 500 samples are
    the digit that was asked for. ``timesteps``: levels of noise in training. ``num_steps``: passes for a sample. ``decay`` of the weights'
    average, which is measured and packed.
    Expected (mean of 5 seeds): ``as_asked`` 0.92, of the ``worst`` digit 0.83, where real digits give 0.99.
    """
    (data,) = session.loaders({"train": halves()["generator"]}, pixels(0.5, 0.5), batch_size)  # from -1 to 1
    judge = Judge.trained(session)
    network = build("unet", {"in_channels": 1, "width": width, "multipliers": [1, 2], "num_classes": DIGITS})
    method = Diffusion(network, timesteps=timesteps, num_steps=num_steps, conditional=True)
    update = Update(adam(lr), schedule=cosine(), gradients=[ClipNorm(1.0)], after=[EMA("average", "network", decay, warm=True)])
    wanted = torch.arange(SAMPLES) % DIGITS
    given, codec = {"noise": noise(SAMPLES, 1, 8, 8), "target": wanted}, NoiseCodec([1, 8, 8], span=[-1, 1], num_labels=DIGITS)
    judged = partial(judge.as_asked, wanted=wanted)
    return learn_to_draw(session, method, data, {"network": update}, steps=steps, given=given, judged=judged, codec=codec)
