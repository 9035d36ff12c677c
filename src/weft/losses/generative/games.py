"""Further games between a critic and a generator: least squares, relativistic, smoothed, the original minimax."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def saturating_generator(fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The generator's side of the original minimax game: log(1 - sigmoid(fake)).

    Shapes: logits fake (B, ...) -> (B, ...). At the game's optimum it is -log 2, and minus the critic's loss is -log 4.
    Paper: Goodfellow et al., 2014, arXiv:1406.2661, equation 1.
    Use for the theory; its gradient vanishes while the critic wins, so train with ``non_saturating_generator``.

    >>> import torch
    >>> saturating_generator(torch.zeros(1))
    tensor([-0.6931])
    """
    return -F.softplus(full(fake))


def smoothed_critic(real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."], *, smoothing: float = 0.1) -> Float[Tensor, " ..."]:
    """``non_saturating_critic`` that is asked for 1 - smoothing on real items only: no sample is worth being entirely sure of.

    Shapes: logits real and fake (B, ...) -> (B, ...).
    Errors: ``ValueError`` when the shapes differ or smoothing is not in [0, 1).
    Paper: Salimans et al., 2016, arXiv:1606.03498: one side only, since smoothing fakes would reward a generator for its present errors.
    Use when the critic grows overconfident; cost nothing.

    >>> import torch
    >>> smoothed_critic(torch.zeros(1), torch.zeros(1))
    tensor([1.3863])
    """
    same_shape(real, fake, "smoothed_critic")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothed_critic needs smoothing in [0, 1); got {smoothing}.")
    yes = full(real)
    return (1 - smoothing) * F.softplus(-yes) + smoothing * F.softplus(yes) + F.softplus(full(fake))


def least_squares_critic(
    real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."], *, real_value: float = 1.0, fake_value: float = 0.0
) -> Float[Tensor, " ..."]:
    """A critic that regresses: 1/2 (real - b)^2 + 1/2 (fake - a)^2.

    Shapes: scores real and fake (B, ...) -> (B, ...); a is ``fake_value``, b ``real_value``.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Mao et al., 2016 (LSGAN), arXiv:1611.04076.
    Use with ``least_squares_generator`` when fakes that are already called real should still move; a = -1, b = 1 and the generator's c = 0 give the
    Pearson chi-square divergence.

    >>> import torch
    >>> least_squares_critic(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor([1.])
    """
    same_shape(real, fake, "least_squares_critic")
    return 0.5 * (full(real) - real_value).square() + 0.5 * (full(fake) - fake_value).square()


def least_squares_generator(fake: Float[Tensor, " ..."], *, wanted: float = 1.0) -> Float[Tensor, " ..."]:
    """A generator that wants the score c of its fakes: 1/2 (fake - c)^2.

    Shapes: scores fake (B, ...) -> (B, ...); c is ``wanted``.
    Paper: Mao et al., 2016 (LSGAN), arXiv:1611.04076.

    >>> import torch
    >>> least_squares_generator(torch.tensor([0.0]))
    tensor([0.5000])
    """
    return 0.5 * (full(fake) - wanted).square()


def relativistic_critic(real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """A critic of which is more real than the other's average: -log sigmoid(real - mean(fake)) - log sigmoid(mean(real) - fake).

    Shapes: logits real and fake (B, ...) -> (B, ...); the means are over the batch, at each place of a patch critic by itself.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Jolicoeur-Martineau, 2018, arXiv:1807.00734; Wang et al., 2018 (ESRGAN), arXiv:1809.00219. Differs: not halved.
    Use with ``relativistic_generator``, for super-resolution among others, so that real items too tell the generator something.

    >>> import torch
    >>> relativistic_critic(torch.zeros(2), torch.zeros(2))
    tensor([1.3863, 1.3863])
    """
    same_shape(real, fake, "relativistic_critic")
    yes, no = full(real), full(fake)
    return F.softplus(no.mean(0) - yes) + F.softplus(no - yes.mean(0))


def relativistic_generator(fake: Float[Tensor, " ..."], real: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The same comparison the other way round: -log sigmoid(fake - mean(real)) - log sigmoid(mean(fake) - real).

    Shapes: logits fake and real (B, ...) -> (B, ...). Mind the order: what is trained comes first.
    Couples samples: say so with ``Loss.coupled()``.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Jolicoeur-Martineau, 2018, arXiv:1807.00734.

    >>> import torch
    >>> relativistic_generator(torch.zeros(2), torch.full((2,), 3.0))
    tensor([6.0972, 6.0972])
    """
    return relativistic_critic(fake, real)
