"""The published policies."""

from __future__ import annotations

from tests.data.transforms.peers import torchvision
from weft.data.transforms.published import POLICIES

NAMES = {"shear_x": "ShearX", "shear_y": "ShearY", "translate_x": "TranslateX", "translate_y": "TranslateY", "autocontrast": "AutoContrast"}


def test_each_policy_is_twenty_five_pairs():
    """Closed form: three policies of 25 pairs, and the first and the last pair of each as in the paper's tables."""
    assert {name: len(pairs) for name, pairs in POLICIES.items()} == {"imagenet": 25, "cifar10": 25, "svhn": 25}
    assert all(len(pair) == 2 for pairs in POLICIES.values() for pair in pairs)
    assert POLICIES["cifar10"][0] == (("invert", 0.1, 0), ("contrast", 0.2, 6)) and POLICIES["cifar10"][-1] == (("translate_y", 0.7, 9), ("autocontrast", 0.9, 0))
    assert POLICIES["svhn"][0] == (("shear_x", 0.9, 4), ("invert", 0.2, 0)) and POLICIES["imagenet"][0] == (("posterize", 0.4, 8), ("rotate", 0.6, 9))


def test_policies_are_torchvisions():
    """Parity: all 150 operations, probabilities and levels."""
    torchvision()
    from torchvision.transforms.v2 import AutoAugment, AutoAugmentPolicy

    for name, pairs in POLICIES.items():
        theirs = AutoAugment(AutoAugmentPolicy(name))._policies
        ours = [tuple((NAMES.get(op, op.capitalize()), p, level) for op, p, level in pair) for pair in pairs]
        assert ours == [tuple((op, p, level or 0) for op, p, level in pair) for pair in theirs]
