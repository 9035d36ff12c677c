"""Every place looks at every other."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from weft._lazy import unknown
from weft.nn.shapes import expect

FORMS = ("embedded", "gaussian", "dot", "concatenation")


class NonLocal(nn.Module):
    """A non-local block: x_i + W_z sum_j f(x_i, x_j) g(x_j), where f weighs all places j for each place i.

    Forms of f: ``embedded``, softmax_j(theta(x_i) . phi(x_j)); ``gaussian``, softmax_j(x_i . x_j); ``dot``, theta(x_i) . phi(x_j) / N;
    ``concatenation``, relu(w . [theta(x_i), phi(x_j)]) / N.

    Shapes: x (B, channels, H, W) -> the same. W_z begins at 0, so the block begins as the identity. ``subsample`` pools the places looked at.
    Errors: ``ValueError`` for another number of channels, or naming the nearest for an unknown form.
    Paper: Wang et al., 2017, arXiv:1711.07971. Differs: no norm after W_z.
    Use when far places of a picture belong together and maps are small; instead of it, dilated convolutions. Cost: O((H W)^2 / subsample^2) time, and
    memory too, except that the first two forms run on torch's fused attention, which does not keep the weights.

    >>> import torch
    >>> x = torch.randn(2, 8, 4, 5)
    >>> torch.equal(NonLocal(8)(x), x)
    True
    """

    def __init__(self, channels: int, *, hidden: int | None = None, form: str = "embedded", subsample: int = 1) -> None:
        super().__init__()
        if form not in FORMS:
            raise unknown("form", form, FORMS)
        hidden = hidden or max(channels // 2, 1)
        self.layout, self.form = f"B {channels} H W", form
        self.g = nn.Conv2d(channels, hidden, 1)
        self.z = nn.Conv2d(hidden, channels, 1)
        if form != "gaussian":
            self.theta = nn.Conv2d(channels, hidden, 1)
            self.phi = nn.Conv2d(channels, hidden, 1)
        if form == "concatenation":
            self.weigh = nn.Linear(2 * hidden, 1, bias=False)
        self.subsample = nn.MaxPool2d(subsample) if subsample > 1 else nn.Identity()
        nn.init.zeros_(self.z.weight)
        nn.init.zeros_(self.z.bias)  # type: ignore[arg-type]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        expect(x, self.layout, "NonLocal")
        seen = self.subsample(x)
        values = self.g(seen).flatten(2).mT                                                        # (B, N, hidden)
        plain = self.form == "gaussian"
        queries, keys = (x if plain else self.theta(x)).flatten(2).mT, (seen if plain else self.phi(seen)).flatten(2).mT
        if self.form in ("embedded", "gaussian"):
            y = F.scaled_dot_product_attention(queries, keys, values, scale=1.0)
        elif self.form == "dot":
            y = queries @ (keys.mT @ values) / keys.shape[1]                                       # no weights of all pairs are needed
        else:
            left, right = self.weigh.weight[0].chunk(2)
            y = ((queries @ left)[:, :, None] + (keys @ right)[:, None]).relu() @ values / keys.shape[1]
        return x + self.z(y.mT.unflatten(2, x.shape[2:]))
