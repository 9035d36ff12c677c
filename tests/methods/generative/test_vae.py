"""The variational autoencoder: its bound and its buffer."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from weft.engine import Steps, Update, fit
from weft.losses import mse
from weft.methods import VAE
from weft.models.generative import MLPDecoder, MLPEncoder
from weft.optim import Anneal, adam, linear


def tiny(beta=1.0):
    torch.manual_seed(0)
    return VAE(MLPEncoder(6, 2, hidden=(8,)), MLPDecoder(2, (6,), hidden=(8,)), beta=beta)


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_loss_is_the_evidence_bound(beta):
    """VAE, parity: torch's distributions and cross-entropy give the same bound for the same noise."""
    method, x = tiny(beta), torch.rand(5, 6)
    torch.manual_seed(7)
    found = method.loss({"input": x})
    torch.manual_seed(7)
    with torch.no_grad():
        mean, log_variance = method.encoder(x)
        posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
        z = mean + (log_variance / 2).exp() * torch.randn(5, 2)
        nats = F.binary_cross_entropy_with_logits(method.decoder(z), x, reduction="none").sum(1)
        kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(found.value.detach(), (nats + beta * kl).mean())
    torch.testing.assert_close(found.logs["elbo"].total, -(nats + kl).sum())


def test_beta_is_a_buffer_that_anneals():
    """VAE, property: ``Anneal`` moves the weight of the KL term, and the weight is saved with the method."""
    method = tiny(beta=2.0)
    fit(method, [torch.rand(8, 6)], Update(adam(1e-3), on="", after=[Anneal("beta", linear())]), until=Steps(4))
    assert float(method.state_dict()["beta"]) == pytest.approx(0.0, abs=0.51)
    assert float(method.beta) < 2.0


def test_other_likelihoods_and_wrong_encoders():
    method = VAE(MLPEncoder(6, 2, hidden=(8,)), MLPDecoder(2, (6,), hidden=(8,)), likelihood=mse)
    assert method.loss({"input": torch.randn(3, 6)}).value.isfinite()
    assert method.predict({"input": torch.rand(3, 6)})["embedding"].shape == (3, 2)
    assert method.deploy()["generate"] is method.decoder
    with pytest.raises(TypeError, match="mean, log_variance"):
        VAE(nn.Linear(6, 4), nn.Linear(2, 6)).loss({"input": torch.rand(3, 6)})
    with pytest.raises(ValueError, match="not negative"):
        tiny(beta=-1.0)
