"""The sign of a label that stands in the input."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.observe.health.leak import Leak


def purity(x, answer, classes=4, parts=4):
    leak = Leak()
    for given, label in zip(x.chunk(parts), answer.chunk(parts), strict=True):
        leak.add(given, F.one_hot(label, classes).float())
    return {name: value.item() for name, value in leak.read().items()}


def test_purity_equals_the_correlation_ratio():
    """Brute force: the share of variance between classes, over the last 128 samples."""
    label = torch.randint(4, (128,))
    x = torch.randn(128, 3) + label[:, None] * torch.tensor([0.0, 0.3, 2.0])
    found = purity(x, label)
    means = torch.stack([x[label == c].mean(0) for c in range(4)])[label]
    expected = ((means - x.mean(0)).square().sum(0) / (x - x.mean(0)).square().sum(0))
    assert found["leak/feature"] == 2 == expected.argmax() and found["leak/purity"] == pytest.approx(expected.max().item(), rel=1e-3)


@pytest.mark.parametrize("kind", ["number", "one_hot", "token", "pixel"])
def test_a_label_in_the_input_is_found(kind):
    label = torch.randint(4, (128,))
    x = torch.randint(90, (128, 6)) if kind == "token" else torch.randn(128, 2, 3, 3) if kind == "pixel" else torch.randn(128, 6)
    flat = x.flatten(1)
    flat[:, 5] = (label == 2).to(x) if kind == "one_hot" else label.to(x) + 3
    found = purity(flat.reshape(x.shape), label)
    assert found["leak/feature"] == 5 and found["leak/purity"] > 0.99


def test_a_rare_value_is_no_leak():
    """A pixel that is set in one picture only lies in one class by chance."""
    label = torch.randint(4, (128,))
    x = torch.zeros(128, 5)
    x[17, 3] = 1.0
    assert purity(x, label)["leak/purity"] < 0.2


def test_few_samples_say_nothing():
    label = torch.arange(40) % 4
    assert purity(label[:, None].float(), label)["leak/purity"] == 0
    assert Leak().read() == {}


def test_what_an_untrained_network_answered_is_forgotten():
    leak, label = Leak(), torch.randint(4, (1024,))
    for part, truth in enumerate(label.split(64)):
        answer = torch.randint(4, (64,)) if part < 10 else truth
        leak.add(truth[:, None].float(), F.one_hot(answer, 4).float())
    assert leak.read()["leak/purity"] > 0.999 and leak.read()["leak/samples"] == 128


def test_texts_of_several_lengths_are_cut_to_their_first_places():
    leak = Leak()
    for length in (9, 4, 7):
        label = torch.randint(4, (64,))
        x = torch.randn(64, length)
        x[:, 1] = label.float()
        leak.add(x, F.one_hot(label, 4).float())
    assert leak.read()["leak/feature"] == 1
