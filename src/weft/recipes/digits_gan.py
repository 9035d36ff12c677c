"""Handwritten digits made out of noise by a network that must deceive another one."""

from __future__ import annotations

from torch import nn

from weft.catalogue import build
from weft.engine import Update
from weft.methods import GAN
from weft.optim import EMA, adam, linear
from weft.recipes.recognised import Judge, halves, learn_to_draw, noise, pixels
from weft.recipes.session import Result, Session
from weft.serve import NoiseCodec

SAMPLES = 1000  # pictures that are measured


def opponents(latent: int, width: int, hidden: int) -> tuple[nn.Module, nn.Module]:
    """A generator of digits and its critic."""
    generator = build("conv_decoder", {"latent": latent, "out_channels": 1, "size": 8, "width": width, "activation": "sigmoid"})
    return generator, build("mlp", {"in_dim": 64, "hidden": [hidden, hidden], "out_dim": 1, "activation": "leaky_relu"})


def digits_gan(
    session: Session,
    *,
    steps: int = 1500,
    batch_size: int = 64,
    lr: float = 1.5e-3,
    latent: int = 16,
    width: int = 24,
    hidden: int = 256,
    decay: float = 0.99,
) -> Result:
    """Learn to make digits like scikit-learn's, 8x8 pixels, with a GAN.

    It learns from half of the digits; an independent classifier, trained on the other half, says how many of 1,000 samples it recognises.
    ``latent``: numbers of noise that become a picture. ``width`` of the generator, ``hidden`` of the critic. ``decay`` of the generator's
    average, which is measured and packed.
    Expected (mean of 5 seeds): ``recognised`` 0.74, where real digits give 0.96 and pixels drawn each by itself 0.3; ``rarest`` 0.05.
    """
    (data,) = session.loaders({"train": halves()["generator"]}, pixels(), batch_size)
    judge = Judge.trained(session)
    method = GAN(*opponents(latent, width, hidden), latent, average=True)
    rate, fall = adam(lr, betas=(0.0, 0.999)), linear(0.1)  # no momentum: the gradients of a moment ago were against another opponent
    updates = {"critic": Update(rate, schedule=fall), "generator": Update(rate, schedule=fall, after=[EMA("average", "generator", decay)])}
    given, codec = {"noise": noise(SAMPLES, latent)}, NoiseCodec([latent], span=[0, 1])
    return learn_to_draw(session, method, data, updates, steps=steps, given=given, judged=judge.recognised, codec=codec)
