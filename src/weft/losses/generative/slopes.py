"""What keeps a critic or a generator smooth: penalties on slopes, on weights, on collapse."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from weft.losses.shapes import full, same_shape


def slope_penalty(critic: Callable[[Tensor], Tensor], x: Float[Tensor, "b ..."]) -> Float[Tensor, " b"]:
    """The squared slope of the critic at given items: |grad critic(x)|^2; at real items it is R1, at fakes R2.

    Shapes: x (B, ...) -> (B,). ``critic`` maps (B, ...) to scores (B, ...). Weigh it by gamma / 2, gamma from 0.1 to 10; taken only every k-th
    step (16 is usual), weigh it k times as much.
    Paper: Mescheder et al., 2018, arXiv:1801.04406; every k-th step, Karras et al., 2019, arXiv:1912.04958.
    Use beside ``non_saturating_critic``, where the critic's slope at real items ought to die out; instead of it, ``gradient_penalty`` for
    Wasserstein critics. Cost: a forward, a backward, and a backward through both.

    >>> slope_penalty(lambda x: 3 * x.sum(1), torch.rand(2, 1))
    tensor([9., 9.])
    """
    return _slope(critic, x).square().sum(1)


def one_sided_penalty(critic: Callable[[Tensor], Tensor], x: Float[Tensor, "b ..."], *, limit: float = 1.0) -> Float[Tensor, " b"]:
    """Only slopes that are too steep: max(0, |grad critic(x)| - limit)^2.

    Shapes: x (B, ...), points between real and fake or wherever wanted -> (B,).
    Errors: ``ValueError`` for a limit that is not positive.
    Paper: Petzka et al., 2017 (WGAN-LP), arXiv:1709.08894; around real items, as in ``perturbed``, Kodali et al., 2017 (DRAGAN), arXiv:1705.07215.
    Use instead of ``gradient_penalty`` when flat parts of the critic should be left in peace.

    >>> one_sided_penalty(lambda x: 0.5 * x.sum(1), torch.rand(2, 1)), one_sided_penalty(lambda x: 3 * x.sum(1), torch.rand(1, 1))
    (tensor([0., 0.]), tensor([4.]))
    """
    if limit <= 0:
        raise ValueError(f"one_sided_penalty needs a limit > 0; got {limit}.")
    return (torch.linalg.vector_norm(_slope(critic, x), dim=1) - limit).clamp(min=0).square()


def _slope(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    at = x.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return full(slope).flatten(1)


def perturbed(real: Float[Tensor, "b ..."], *, scale: float = 0.5) -> Float[Tensor, "b ..."]:
    """Points around real items: x + scale std(x) u share, u uniform in [0, 1] an element, share uniform an item; where DRAGAN looks at slopes.

    Shapes: real (B, ...) -> the same. std is over the whole batch.
    Paper: Kodali et al., 2017, arXiv:1705.07215.

    >>> perturbed(torch.zeros(2, 3)).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device, dtype=real.dtype)
    return real + share * scale * real.std() * torch.rand_like(real)


def path_length(picture: Float[Tensor, "b ..."], style: Float[Tensor, "b ..."]) -> Float[Tensor, " b"]:
    """How far a picture moves for a step of its style: |J^T y|, y ~ N(0, 1) / sqrt(H W), by one product with random y.

    Shapes: picture (B, C, H, W) made from style (B, ..., D), of which it must be a function -> (B,), over several styles the root of the mean
    square. Penalise (length - a)^2, with a its running mean over steps: an ``EMA`` of the detached mean.
    Errors: ``ValueError`` when the picture does not depend on the style.
    Paper: Karras et al., 2019 (StyleGAN2), arXiv:1912.04958.
    Use so that equal steps in style are equal steps in the picture; cost: a backward pass through the generator, and one through that.

    >>> style = torch.ones(2, 3, requires_grad=True)
    >>> path_length((2 * style)[:, :, None, None], style).shape
    torch.Size([2])
    """
    noise = torch.randn_like(picture) / (picture[0, 0].numel() ** 0.5)
    with torch.enable_grad():
        slopes = torch.autograd.grad((picture * noise).sum(), style, create_graph=True, allow_unused=True)
    if slopes[0] is None:
        raise ValueError("path_length: the picture does not depend on the style that was given; make it from that very tensor.")
    length = torch.linalg.vector_norm(full(slopes[0]), dim=-1)
    return length if length.ndim == 1 else torch.linalg.vector_norm(length.flatten(1), dim=1) / length[0].numel() ** 0.5


def orthogonality(weight: Float[Tensor, "n ..."], *, diagonal: bool = False) -> Float[Tensor, ""]:
    """How far a weight's rows are from a right angle: |W W^T (1 - I)|^2, with ``diagonal`` |W W^T - I|^2.

    Shapes: a weight (N, ...), flattened to (N, D) -> a scalar for ``Loss.penalty``; 1e-4 is a usual weight.
    Paper: Brock et al., 2018 (BigGAN), arXiv:1809.11096; with the diagonal, Brock et al., 2016, arXiv:1609.07093.

    >>> orthogonality(torch.tensor([[1.0, 0.0], [1.0, 0.0]])).item()
    2.0
    """
    with torch.autocast(weight.device.type, enabled=False):
        rows = full(weight).flatten(1)
        gram = rows @ rows.T
        wanted = torch.eye(len(rows), device=rows.device, dtype=rows.dtype)
        return (gram - wanted if diagonal else gram * (1 - wanted)).square().sum()


def score_consistency(score: Float[Tensor, " ..."], changed: Float[Tensor, " ..."]) -> Float[Tensor, " ..."]:
    """A critic that judges an item and its augmentation alike: (score - changed)^2.

    Shapes: scores (B, ...) of items and of the same items augmented -> (B, ...).
    Errors: ``ValueError`` when the shapes differ.
    Paper: Zhang et al., 2019 (CR-GAN), arXiv:1910.12027 (weight 10).
    Use instead of a slope penalty when augmentation is cheap.

    >>> score_consistency(torch.tensor([1.0]), torch.tensor([3.0]))
    tensor([4.])
    """
    same_shape(score, changed, "score_consistency")
    return (full(score) - full(changed)).square()


def mode_seeking(
    first: Float[Tensor, "b ..."], second: Float[Tensor, "b ..."], latent: Float[Tensor, "b ..."], other: Float[Tensor, "b ..."]
) -> Float[Tensor, " b"]:
    """Different latents make different items: mean|z - z'| / mean|G(z) - G(z')|.

    Shapes: items (B, ...) made from latents (B, ...), pairwise -> (B,). Bounded by 1e5 times the latents' distance where both items are equal.
    Errors: ``ValueError`` when the shapes differ.
    Paper: Mao et al., 2019, arXiv:1903.05628 (weight 1).
    Use when a conditional generator ignores its noise.

    >>> mode_seeking(torch.zeros(1, 2), torch.full((1, 2), 2.0), torch.zeros(1, 3), torch.ones(1, 3))
    tensor([0.5000])
    """
    same_shape(first, second, "mode_seeking")
    same_shape(latent, other, "mode_seeking")
    items = (full(first) - full(second)).abs().flatten(1).mean(1)
    return (full(latent) - full(other)).abs().flatten(1).mean(1) / (items + 1e-5)
