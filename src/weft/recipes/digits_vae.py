"""Black-and-white handwritten digits, explained by a few numbers each and made from them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from weft.catalogue import build
from weft.data import Arrays, Loader, split_by_hash
from weft.data import digits as pictures
from weft.engine import Epochs, Evaluation, Update
from weft.losses import binary_cross_entropy
from weft.methods import VAE
from weft.optim import adam
from weft.recipes.recognised import SHOWN, noise, sheet
from weft.recipes.session import Result, Session
from weft.serve import NoiseCodec


def digits_vae(
    session: Session, *, epochs: int = 60, batch_size: int = 64, lr: float = 2e-3, latent: int = 8, width: int = 128, beta: float = 1.0
) -> Result:
    """Learn to explain and to make scikit-learn's digits, 8x8 pixels that are black or white, with a variational autoencoder.

    A fifth of the digits is held out for the result and a tenth for choosing the best weights. ``elbo`` is the bound of a held-out digit's
    log-likelihood in nats, ``nats`` and ``kl`` its two parts: what the picture costs once its ``latent`` numbers are known, and what these cost;
    ``baseline`` is the log-likelihood under the best model that knows how often each pixel is white and nothing else.
    ``width`` of the networks' hidden layer; ``beta``: weight of ``kl`` in training.
    Expected (mean of 5 seeds): ``elbo`` -18.9, against a ``baseline`` of -25.2.
    """
    columns = pictures().columns
    digits = Arrays({"input": (torch.as_tensor(columns["image"])[:, None] > 127).float(), "label": columns["label"]})
    parts = split_by_hash(digits, {"train": 0.7, "val": 0.1, "test": 0.2}, stratify="label")
    train, val, test = session.loaders(parts, None, batch_size)
    encoder = build("mlp_encoder", {"in_dim": 64, "latent": latent, "hidden": [width]})
    decoder = {"latent": latent, "shape": [1, 8, 8], "hidden": [width]}
    method = VAE(encoder, build("mlp_decoder", decoder), beta=beta)
    state = session.fit("train", method, train, Update(adam(lr), on=""), until=Epochs(epochs), evaluate=Evaluation(val, monitor="elbo", mode="max"))
    best: Any = state.best()
    painter = build("mlp_decoder", {**decoder, "activation": "sigmoid"})  # the same weights: shares of white instead of logits
    painter.load_state_dict(best.decoder.state_dict())
    share = (inputs(train).sum(0) + 1) / (len(train.source) + 2)
    alone = -binary_cross_entropy(share.logit().expand_as(inputs(test)), inputs(test)).sum((1, 2, 3)).mean()
    codec, drawn = NoiseCodec([latent], span=[0, 1]), painter(noise(SHOWN, latent))
    return session.finish(best, test, {"baseline": float(alone)}, codec=codec, networks={"generate": painter}, samples={"digits": sheet(drawn)})


def inputs(data: Loader) -> Tensor:
    """Everything that a loader reads."""
    return torch.cat([batch["input"] for batch in data])
