"""Encoders and decoders."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weft.losses import gaussian_kl, mse
from weft.models.generative import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder


@pytest.mark.parametrize("size", [1, 5, 8, 14, 28, 33])
def test_any_size_goes_in_and_comes_out(size):
    """Property: conv_encoder and conv_decoder keep any size and number of channels."""
    x = torch.rand(2, 3, size, size)
    mean, log_variance = ConvEncoder(3, size, 4, width=4)(x)
    assert mean.shape == log_variance.shape == (2, 4)
    assert ConvDecoder(4, 3, size, width=4)(mean).shape == x.shape


def test_mlp_halves_equal_their_layers():
    """Closed form: MLPEncoder splits a plain perceptron's outputs in two; MLPDecoder gives them a shape."""
    encoder, decoder = MLPEncoder(12, 4, hidden=(8,)), MLPDecoder(4, (3, 2, 2), hidden=(8,))
    x = torch.rand(5, 3, 2, 2)
    first, last = (layer for layer in encoder.layers if isinstance(layer, nn.Linear))
    both = last(nn.functional.silu(first(x.flatten(1))))
    mean, log_variance = encoder(x)
    torch.testing.assert_close(torch.cat([mean, log_variance], 1), both)
    assert decoder(mean).shape == x.shape
    torch.testing.assert_close(decoder(mean).flatten(1), decoder.layers(mean))


@pytest.mark.parametrize(("activation", "low", "high"), [("sigmoid", 0, 1), ("tanh", -1, 1)])
def test_output_activations_bound_the_picture(activation, low, high):
    """Property: as a generator the decoders give pixels in the promised range, which logits leave."""
    z = 50 * torch.randn(20, 4)
    for make in (lambda a: ConvDecoder(4, 1, 8, width=4, activation=a), lambda a: MLPDecoder(4, (1, 8, 8), activation=a)):
        assert low <= make(activation)(z).min() <= make(activation)(z).max() <= high
        assert make("identity")(100 * z).abs().max() > high


@pytest.mark.parametrize("kind", ["conv", "mlp"])
def test_a_vae_of_them_reconstructs_digits(kind):
    """Learned: after 8 epochs the ELBO's two halves beat the mean digit's squared error by a third, the latent not being ignored."""
    digits = pytest.importorskip("sklearn.datasets").load_digits().images
    x = torch.as_tensor(digits).float()[:, None] / 16
    train, held = x[:1500], x[1500:]
    encoder = ConvEncoder(1, 8, 8, width=8) if kind == "conv" else MLPEncoder(64, 8, hidden=(128,))
    decoder = ConvDecoder(8, 1, 8, width=8) if kind == "conv" else MLPDecoder(8, (1, 8, 8), hidden=(128,))
    optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], 3e-3)
    for _ in range(8):
        for part in torch.randperm(1500).split(50):
            mean, log_variance = encoder(train[part])
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            loss = (10 * mse(decoder(z), train[part]).flatten(1).sum(1) + gaussian_kl(mean, log_variance)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        error = mse(decoder(encoder(held)[0]), held).mean()
    assert error < 0.67 * (held - train.mean(0)).square().mean()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"ConvEncoder expects a tensor of shape \(B, 1, 8, 8\); got \(2, 1, 9, 8\)"):
        ConvEncoder(1, 8, 4)(torch.rand(2, 1, 9, 8))
    with pytest.raises(ValueError, match=r"ConvDecoder expects a tensor of shape \(B, 4\)"):
        ConvDecoder(4, 1, 8)(torch.randn(2, 5))
    with pytest.raises(ValueError, match=r"MLPEncoder, after flattening, expects a tensor of shape \(B, 12\)"):
        MLPEncoder(12, 4)(torch.rand(2, 13))
