"""Normalisation and scaling told by a condition: a class, a style, a time, a text."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from weft.nn.norms.named import norm_layer
from weft.nn.shapes import expect


class FiLM(nn.Module):
    """Feature-wise affine modulation by a condition: (1 + scale(c)) x + shift(c), one pair a channel.

    Shapes: x (B, channels, ...), condition (B, condition_dim) -> as x. It begins as the identity.
    Errors: ``ValueError`` for other sizes of x or condition.
    Paper: Perez et al., 2017, arXiv:1709.07871.
    Use when a vector should steer a convolution network; instead of it, ``ConditionalNorm`` where a normalisation stands at that place anyway.
    Cost: one linear layer of the condition.

    >>> import torch
    >>> x = torch.randn(2, 4, 3, 3)
    >>> torch.equal(FiLM(5, 4)(x, torch.randn(2, 5)), x)
    True
    """

    def __init__(self, condition_dim: int, channels: int) -> None:
        super().__init__()
        self.condition_dim, self.channels = condition_dim, channels
        self.linear = nn.Linear(condition_dim, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "b c *places"], condition: Float[Tensor, "b d"]) -> Float[Tensor, "b c *places"]:
        expect(x, f"B {self.channels} ...", "FiLM")
        expect(condition, f"B {self.condition_dim}", "FiLM (condition)")
        if condition.shape[0] != x.shape[0]:
            raise ValueError(f"FiLM needs one condition for each sample; got {condition.shape[0]} for {x.shape[0]}.")
        pair = self.linear(condition).reshape(len(x), 2, self.channels, *[1] * (x.ndim - 2))
        return (1 + pair[:, 0]) * x + pair[:, 1]


class ConditionalNorm(nn.Module):
    """A normalisation whose scale and shift come from a condition: (1 + scale(c)) norm(x) + shift(c).

    ``norm`` names it, without weights of its own: batch (conditional batch norm), instance (learned AdaIN), layer (AdaLN), group.

    Shapes: x (B, channels, ...), condition (B, condition_dim) -> as x. It begins as the plain normalisation.
    Errors: ``ValueError`` for other sizes, or naming the nearest for an unknown norm.
    Papers: de Vries et al., 2017, arXiv:1707.00683 (batch); Dumoulin et al., 2016, arXiv:1610.07629 (instance); Peebles and Xie, 2022,
    arXiv:2212.09748 (layer).
    Use when a generator or a diffusion network is told a class, a style or a time; instead of it, ``FiLM`` without a normalisation.
    Cost: the norm and one linear layer of the condition.

    >>> import torch
    >>> ConditionalNorm(5, 4, "instance")(torch.randn(2, 4, 3, 3), torch.randn(2, 5)).shape
    torch.Size([2, 4, 3, 3])
    """

    def __init__(self, condition_dim: int, channels: int, norm: str = "layer", *, ndim: int = 2) -> None:
        super().__init__()
        self.norm = norm_layer(norm, channels, ndim)
        for name in [name for name, _ in self.norm.named_parameters()]:          # the condition gives them
            self.norm.register_parameter(name, None)
        self.film = FiLM(condition_dim, channels)

    def forward(self, x: Float[Tensor, "b c *places"], condition: Float[Tensor, "b d"]) -> Float[Tensor, "b c *places"]:
        expect(x, f"B {self.film.channels} ...", "ConditionalNorm")
        expect(condition, f"B {self.film.condition_dim}", "ConditionalNorm (condition)")
        return self.film(self.norm(x), condition)


def adain(content: Float[Tensor, "b c *places"], style: Float[Tensor, "n k *others"], *, eps: float = 1e-5) -> Float[Tensor, "b c *places"]:
    """Adaptive instance normalisation: ``content`` with the mean and deviation of ``style``, channel by channel of each sample.

    Errors: ``ValueError`` unless both have the same batch and channels.
    Paper: Huang and Belongie, 2017, arXiv:1703.06868.
    Use when features of one picture should take the style of another; instead of it, ``ConditionalNorm`` to learn the style from a vector.

    >>> import torch
    >>> content, style = torch.randn(1, 2, 8, 8), 5 + 3 * torch.randn(1, 2, 6, 6)
    >>> torch.allclose(adain(content, style).mean((2, 3)), style.mean((2, 3)), atol=1e-4)
    True
    """
    if content.shape[:2] != style.shape[:2]:
        raise ValueError(f"adain needs as many samples and channels of style as of content; got {tuple(style.shape)} and {tuple(content.shape)}.")

    def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
        places = tuple(range(2, x.ndim))
        return x.mean(places, keepdim=True), (x.var(places, keepdim=True, correction=0) + eps).sqrt()

    (mean, deviation), (style_mean, style_deviation) = statistics(content), statistics(style)
    flat = (*content.shape[:2], *[1] * (content.ndim - 2))
    return (content - mean) / deviation * style_deviation.reshape(flat) + style_mean.reshape(flat)
