from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from weft.data import Arrays, Loader
from weft.recipes.few_labels import encoder, few, parts, probed

pytest.importorskip("sklearn")


def test_the_held_out_digits_are_the_same_for_every_seed_and_the_named_ones_are_not():
    """Property: no picture is on two sides, and the few labels are as many of each class, of pictures that are learned from."""
    one, other = parts(10, seed=0), parts(10, seed=1)
    assert torch.equal(one["test"].indices, other["test"].indices) and torch.equal(one["train"].indices, other["train"].indices)
    assert sorted([*one["train"].indices.tolist(), *one["test"].indices.tolist()]) == list(range(1797))
    named = torch.tensor([int(one["few"][i]["label"]) for i in range(len(one["few"]))])
    assert named.bincount().tolist() == [10] * 10
    assert set(one["few"].indices.tolist()) != set(other["few"].indices.tolist())


def test_a_class_with_fewer_labels_gives_all_of_them():
    source = Arrays({"label": [0, 1, 0, 0, 1]})
    assert sorted(few(source, 3, seed=0).indices.tolist()) == [0, 1, 2, 3, 4]
    assert len(few(source, 1, seed=0)) == 2


def test_the_probe_sees_the_features_alone():
    """Closed form: features that tell the class give every held-out record right, features that say nothing give one class in ten."""
    target = torch.arange(200) % 10
    named, test = (Loader(Arrays({"input": torch.randn(200, 3), "target": target}), batch_size=30) for _ in range(2))
    assert probed(lambda batch: F.one_hot(batch["target"], 10).float(), named, test) == 1.0
    assert probed(lambda batch: torch.ones(len(batch["target"]), 2), named, test) == pytest.approx(0.1)


def test_the_encoder_says_how_many_features_it_gives():
    network, features = encoder(8)
    assert network(torch.rand(2, 1, 8, 8)).shape == (2, features)
