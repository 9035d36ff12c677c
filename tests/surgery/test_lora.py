"""Low-rank adapters: nothing at first, little to train, one weight in the end."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from weft.engine import Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.surgery import lora, merge_lora, thaw


def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2),
        nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 6, 3, dilation=2, padding=2, padding_mode="reflect", bias=False), nn.Flatten(), nn.LazyLinear(3),
    )  # fmt: skip


def pictures():
    return torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def made():
    network = convolutional()
    network.eval()(pictures())
    return network


def stirred(network):
    for p in network.parameters():
        if p.requires_grad:
            nn.init.normal_(p, std=0.3)
    return network


def test_at_first_nothing_changes():
    """lora, property: the adapted network gives the same outputs bit for bit, under the same names and a few new ones."""
    network = made()
    expected, names = network(pictures()), set(network.state_dict())
    adapted = lora(network, rank=2)
    assert adapted is network
    assert torch.equal(adapted.eval()(pictures()), expected)
    assert names < set(adapted.state_dict())
    trainable = {n for n, p in adapted.named_parameters() if p.requires_grad}
    assert trainable == {f"{n}.{part}" for n in ("0", "5", "7") for part in ("down", "up")}


def test_the_difference_has_low_rank():
    """lora, closed form: with alpha = rank, the output moves by x down^T up^T, whose rank is that of the adapter."""
    layer = nn.Linear(7, 5)
    adapted = stirred(lora(copy.deepcopy(layer), rank=2, alpha=2.0))
    x = torch.randn(9, 7)
    torch.testing.assert_close(adapted(x) - layer(x), x @ adapted.down.T @ adapted.up.T, rtol=1e-4, atol=1e-5)
    assert torch.linalg.matrix_rank(adapted.difference()) == 2


def test_merged_layers_are_plain_and_equal():
    """merge_lora, property: after merging, the same outputs from plain layers with the names of the beginning."""
    network = made()
    names = set(network.state_dict())
    adapted = stirred(lora(network, rank=2)).eval()
    expected = adapted(pictures())
    merged = merge_lora(adapted)
    torch.testing.assert_close(merged(pictures()), expected, rtol=1e-4, atol=1e-5)
    assert set(merged.state_dict()) == names
    assert [type(layer) for layer in merged] == [type(layer) for layer in made()]
    assert all(p.requires_grad for p in thaw(merged).parameters())


def test_only_the_adapters_learn():
    """lora, learned: trained through fit, the loss falls while base weights and batch-norm statistics stay bit for bit; the named head learns in full."""
    method = Supervised(lora(made(), rank=4, train=("7",)), cross_entropy)
    batch = {"input": pictures(), "target": torch.tensor([0, 1, 2, 0, 1])}
    before, start = {k: v.clone() for k, v in method.state_dict().items()}, float(method.loss(batch).value.detach())
    fit(method, [batch], until=Steps(60))
    for name, value in method.state_dict().items():
        learns = name.endswith((".down", ".up")) or name.startswith("network.7.")
        assert torch.equal(before[name], value) != learns, name
    assert float(method.loss(batch).value.detach()) < 0.5 * start


class Tied(nn.Module):
    """An output layer whose weight is the embedding's."""

    def __init__(self):
        super().__init__()
        self.embedding, self.inner, self.head = nn.Embedding(11, 16), nn.Linear(16, 16), nn.Linear(16, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(torch.tanh(self.inner(self.embedding(tokens))))


def test_layers_can_be_chosen_and_tied_weights_do_not_move():
    """merge_lora, property: an output layer tied to the embedding is adapted without changing the embedding."""
    torch.manual_seed(0)
    network = Tied()
    lora(network, rank=1, layers=("head",))
    assert {n for n, p in network.named_parameters() if p.requires_grad} == {"head.down", "head.up"}
    stirred(network)
    tokens, embedding = torch.randint(0, 11, (2, 8)), network.embedding.weight.clone()
    expected = network.eval()(tokens)
    torch.testing.assert_close(merge_lora(network)(tokens), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(network.embedding.weight, embedding)


def test_dropout_is_the_adapters_own():
    layer = stirred(lora(nn.Linear(8, 8), rank=2, dropout=0.5))
    x = torch.randn(4, 8)
    assert not torch.equal(layer.train()(x), layer(x))
    assert torch.equal(layer.eval()(x), layer(x))


def test_impossible_adapters_are_refused():
    with pytest.raises(ValueError, match="at least rank 1"):
        lora(nn.Linear(2, 2), rank=0)
    with pytest.raises(ValueError, match="nothing to adapt"):
        lora(nn.Sequential(nn.ReLU()))
    with pytest.raises(ValueError, match="'query'"):
        lora(made(), layers=("query",))
