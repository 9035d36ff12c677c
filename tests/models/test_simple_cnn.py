"""The small convolutional classifier."""

from __future__ import annotations

import pytest
import torch

from weft.losses import cross_entropy
from weft.models.vision import SimpleCNN


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (7, 28), (33, 64)])
def test_any_size_and_number_of_channels(size):
    """Property: SimpleCNN takes pictures of any size from one pixel, in training and in eval mode."""
    for channels in (1, 3):
        network = SimpleCNN(channels, 4, width=4)
        assert network(torch.rand(5, channels, *size)).shape == (5, 4)
        assert network.eval()(torch.rand(1, channels, *size)).shape == (1, 4)


@pytest.mark.parametrize("norm", ["group", "instance", None])
def test_without_batch_norm_samples_do_not_couple(norm):
    """Property: with any other norm a sample's output in training does not depend on the batch."""
    network, x = SimpleCNN(1, 4, width=8, norm=norm, dropout=0.0), torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(network(x)[:1], network(x[:1]), rtol=1e-4, atol=1e-5)


def test_without_classes_it_gives_what_the_classifier_would_see():
    """Property: SimpleCNN of no classes gives the features that, classified, are the logits of one that has them."""
    features, whole = SimpleCNN(1, 0, width=4, num_stages=2).eval(), SimpleCNN(1, 3, width=4, num_stages=2).eval()
    whole.load_state_dict(features.state_dict(), strict=False)
    x = torch.rand(2, 1, 8, 8)
    assert features(x).shape == (2, 8) and [name for name, _ in features.named_parameters() if "head" in name] == []
    torch.testing.assert_close(whole.head(features(x)), whole(x))


def test_learns_digits():
    """Learned: simple_cnn reads at least 97 % of held-out handwritten digits after 6 epochs (a linear classifier: 93 to 96 %)."""
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    x, y = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
    x = (x.float() / 16).view(-1, 1, 8, 8)
    held = (torch.arange(len(x)) * 2654435761 % 2**32) < 0.2 * 2**32          # a split by a hash of the index
    network = SimpleCNN(1, 10, width=16)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(6):
        for part in torch.randperm(int((~held).sum())).split(64):
            optimizer.zero_grad()
            cross_entropy(network(x[~held][part]), y[~held][part]).mean().backward()
            optimizer.step()
    assert (network.eval()(x[held]).argmax(1) == y[held]).float().mean() >= 0.97


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"SimpleCNN expects a tensor of shape \(B, 3, H, W\); got \(2, 1, 8, 8\)"):
        SimpleCNN(3, 4, width=4)(torch.rand(2, 1, 8, 8))
