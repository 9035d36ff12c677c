"""Handwritten digits made out of noise by a network that learns how far it is from the real ones."""

from __future__ import annotations

from weft.engine import Update
from weft.methods import WGANGP
from weft.optim import EMA, adam, linear
from weft.recipes.digits_gan import SAMPLES, opponents
from weft.recipes.recognised import Judge, halves, learn_to_draw, noise, pixels
from weft.recipes.session import Result, Session
from weft.serve import NoiseCodec


def digits_wgan_gp(
    session: Session,
    *,
    steps: int = 1500,
    batch_size: int = 64,
    lr: float = 2e-3,
    latent: int = 16,
    width: int = 16,
    hidden: int = 256,
    critic_steps: int = 2,
    penalty: float = 10.0,
    decay: float = 0.99,
) -> Result:
    """Learn to make digits like scikit-learn's, 8x8 pixels, with a Wasserstein GAN whose critic has a gradient penalty.

    As ``digits_gan``, with ``critic_steps`` updates of the critic for one of the generator and a ``penalty`` on slopes other than one.
    Expected (mean of 5 seeds): ``recognised`` 0.70, where real digits give 0.96 and pixels drawn each by itself 0.3; ``rarest`` 0.05.
    """
    (data,) = session.loaders({"train": halves()["generator"]}, pixels(), batch_size)
    judge = Judge.trained(session)
    method = WGANGP(*opponents(latent, width, hidden), latent, critic_steps=critic_steps, penalty=penalty, average=True)
    rate, fall = adam(lr, betas=(0.0, 0.9)), linear(0.1)
    updates = {"critic": Update(rate, schedule=fall), "generator": Update(rate, schedule=fall, after=[EMA("average", "generator", decay)])}
    given, codec = {"noise": noise(SAMPLES, latent)}, NoiseCodec([latent], span=[0, 1])
    return learn_to_draw(session, method, data, updates, steps=steps, given=given, judged=judge.recognised, codec=codec)
