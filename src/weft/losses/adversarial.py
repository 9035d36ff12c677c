"""What a critic and a generator want of each other's scores."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from weft.losses.shapes import full, same_shape


def non_saturating_critic(real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """Binary cross-entropy of a critic that tells real from fake: -log sigmoid(real) - log(1 - sigmoid(fake)).

    Shapes: logits real and fake (B, ...) -> (B, ...). At chance it is 2 log 2 = 1.386.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Goodfellow et al., 2014, arXiv:1406.2661.
    Use with ``non_saturating_generator``; instead of it, ``hinge_critic`` or ``wasserstein_critic`` when training is unstable.

    >>> non_saturating_critic(torch.zeros(1), torch.zeros(1))
    tensor([1.3863])
    """
    same_shape(real, fake, "non_saturating_critic")
    return F.softplus(-full(real)) + F.softplus(full(fake))


def non_saturating_generator(fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """What the generator loses where the critic sees through it: -log sigmoid(fake).

    Shapes: logits fake (B, ...) -> (B, ...).
    Paper: Goodfellow et al., 2014, arXiv:1406.2661: the form whose gradient does not vanish while the critic wins.

    >>> non_saturating_generator(torch.tensor([-100.0]))
    tensor([100.])
    """
    return F.softplus(-full(fake))


def hinge_critic(real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """A critic that stops caring beyond a margin of 1: max(0, 1 - real) + max(0, 1 + fake).

    Shapes: scores real and fake (B, ...) -> (B, ...).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Lim and Ye, 2017, arXiv:1705.02894; Miyato et al., 2018, arXiv:1802.05957.
    Use with ``wasserstein_generator``, whose -fake is the hinge generator's loss too.

    >>> hinge_critic(torch.tensor([2.0]), torch.tensor([-0.5]))
    tensor([0.5000])
    """
    same_shape(real, fake, "hinge_critic")
    return F.relu(1 - full(real)) + F.relu(1 + full(fake))


def wasserstein_critic(real: Float[Tensor, " ..."], fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """A critic that pushes the scores apart: fake - real.

    Shapes: scores real and fake (B, ...) -> (B, ...). Minus its mean estimates the Wasserstein distance if the critic is 1-Lipschitz.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Arjovsky et al., 2017, arXiv:1701.07875.
    Use with ``gradient_penalty``, which keeps the critic near 1-Lipschitz.

    >>> wasserstein_critic(torch.tensor([2.0]), torch.tensor([0.5]))
    tensor([-1.5000])
    """
    same_shape(real, fake, "wasserstein_critic")
    return full(fake) - full(real)


def wasserstein_generator(fake: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """The generator of Wasserstein and hinge games raises its scores: -fake.

    Shapes: scores fake (B, ...) -> (B, ...).
    Paper: Arjovsky et al., 2017, arXiv:1701.07875.

    >>> wasserstein_generator(torch.tensor([0.5]))
    tensor([-0.5000])
    """
    return -full(fake)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Float[Tensor, "b ..."], fake: Float[Tensor, "b ..."], share: Float[Tensor, " b"] | None = None
) -> Float[Tensor, " b"]:
    """How far the critic's slope is from 1 between real and fake: (||grad critic(x)|| - 1)^2 at x = share real + (1 - share) fake.

    Shapes: real and fake (B, ...), share (B,) in [0, 1], drawn uniformly if absent -> (B,). ``critic`` maps (B, ...) to scores (B, ...).
    Errors: ``ValueError`` when real and fake differ in shape.
    Paper: Gulrajani et al., 2017, arXiv:1704.00028 (weight 10).
    Use beside ``wasserstein_critic``; the critic must not normalise over the batch. Cost: a forward, a backward, and a backward through both.

    >>> gradient_penalty(lambda x: 3 * x.sum(1), torch.rand(2, 1), torch.rand(2, 1))
    tensor([4., 4.])
    """
    same_shape(real, fake, "gradient_penalty")
    if share is None:
        share = torch.rand(len(real), device=real.device, dtype=real.dtype)
    share = share.view(-1, *[1] * (real.ndim - 1))
    between = (share * real.detach() + (1 - share) * fake.detach()).requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    # The norm's gradient at exactly 0 is undefined; torch's vector_norm takes 0 there, as wanted.
    return (torch.linalg.vector_norm(full(slope).flatten(1), dim=1) - 1) ** 2
