"""Networks that make data."""

from __future__ import annotations

from typing import Any

from weft._lazy import attach

TABLE = {
    "conv_encoder": "weft.models.generative.autoencoder:ConvEncoder",
    "conv_decoder": "weft.models.generative.autoencoder:ConvDecoder",
    "mlp_encoder": "weft.models.generative.autoencoder:MLPEncoder",
    "mlp_decoder": "weft.models.generative.autoencoder:MLPDecoder",
    "conv_critic": "weft.models.generative.critic:ConvCritic",
    "unet": "weft.models.generative.unet:UNet",
}
KIND = "model"
__getattr__, __dir__ = attach(__name__, TABLE)


def examples() -> dict[str, Any]:
    """Each model as (a function that makes it tiny, the inputs of one call)."""
    import torch

    from weft.models.generative import autoencoder, critic, unet

    picture, latent = torch.rand(3, 1, 8, 8), torch.randn(3, 4)
    return {
        "conv_encoder": (lambda: autoencoder.ConvEncoder(1, 8, 4, width=8), (picture,)),
        "conv_decoder": (lambda: autoencoder.ConvDecoder(4, 1, 8, width=8), (latent,)),
        "mlp_encoder": (lambda: autoencoder.MLPEncoder(64, 4, hidden=(16,)), (picture,)),
        "mlp_decoder": (lambda: autoencoder.MLPDecoder(4, (1, 8, 8), hidden=(16,)), (latent,)),
        "conv_critic": (lambda: critic.ConvCritic(1, width=8), (picture,)),
        "unet": (lambda: unet.UNet(1, width=8, multipliers=(1, 2), num_classes=3), (picture, torch.tensor([0, 5, 900]), torch.tensor([0, 1, 3]))),
    }
