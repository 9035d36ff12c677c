"""The variational autoencoder."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from weft.engine import Method, Update
from weft.losses import Loss, binary_cross_entropy, gaussian_kl
from weft.optim import adam


class VAE(Method):
    """Minimise -log p(x | z) + beta KL(q(z | x) || N(0, 1)), z = mean + std * noise: minus the evidence lower bound for beta = 1.

    Shapes: ``input`` x (B, ...); ``encoder`` gives mean and log-variance, each (B, Z) or (B, Z, ...); ``decoder`` maps z, shaped as they are, to
    what ``likelihood`` wants: by default logits of pixels in [0, 1]. ``likelihood`` (decoded, x) -> nats per element is summed over an item.
    ``beta`` is a buffer, so that ``weft.optim.Anneal("beta", schedule)`` can move it. Logs ``nats`` (reconstruction), ``kl`` and ``elbo`` per item.
    Errors: ``ValueError`` when ``beta`` is negative, ``TypeError`` when the encoder gives anything but two tensors.
    Paper: Kingma and Welling, 2013, arXiv:1312.6114; beta, Higgins et al., 2017.
    Use when samples and codes are both wanted and training must be stable; instead of it, ``gan`` or ``diffusion`` for sharper samples.
    Cost: one pass through both networks.

    >>> class Encoder(nn.Linear):
    ...     def forward(self, x):
    ...         return super().forward(x).chunk(2, dim=1)
    >>> method = VAE(Encoder(4, 6), nn.Linear(3, 4))
    >>> sorted(method.loss({"input": torch.rand(2, 4)}).logs)
    ['elbo', 'kl', 'nats']
    """

    beta: Tensor

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, beta: float = 1.0, likelihood: Callable[[Tensor, Tensor], Tensor] = binary_cross_entropy
    ):
        super().__init__()
        if beta < 0:
            raise ValueError(f"VAE(beta={beta}): the weight of the KL term is not negative.")
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.register_buffer("beta", torch.tensor(float(beta)))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x)."""
        code = self.encoder(x)
        if not isinstance(code, tuple) or len(code) != 2:
            raise TypeError(f"The encoder gave a {type(code).__name__}; expected (mean, log_variance), for example layer(x).chunk(2, dim=1).")
        return code

    def loss(self, batch: dict[str, Tensor]) -> Loss:
        x = batch["input"]
        mean, log_variance = self.posterior(x)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        nats = self.likelihood(self.decoder(z), x).flatten(1).sum(1)
        kl = gaussian_kl(mean, log_variance)
        return Loss.mean(nats + self.beta * kl, batch.get("mask"), logs={"nats": nats, "kl": kl, "elbo": -(nats + kl)})

    def updates(self) -> dict[str, Update]:
        """One update for both networks: Adam at 1e-3, as in the paper's successors."""
        return {"all": Update(adam(1e-3), on="")}

    def predict(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The decoder's ``output`` for the mean code, and that code as ``embedding``."""
        mean, _ = self.posterior(batch["input"])
        return {"output": self.decoder(mean), "embedding": mean}

    def deploy(self) -> dict[str, nn.Module]:
        """``generate`` turns standard normal z into what the likelihood takes."""
        return {"generate": self.decoder}
