"""Features at one frame rate."""

from __future__ import annotations

import pytest
import torch

from weft.data.audio.fusion import fuse_features

FEATURES = {"mfcc": torch.randn(2, 13, 10), "level": torch.linspace(0, 1, 19).expand(2, 1, 19), "voiced": torch.tensor([0.0, 1.0]).expand(2, 1, 2)}


def test_all_features_get_the_frames_of_the_first():
    """Closed form: fuse_features keeps the first feature, and a straight line stays one at the new rate."""
    out = fuse_features(FEATURES)
    assert out.shape == (2, 15, 10) and torch.equal(out[:, :13], FEATURES["mfcc"])
    assert torch.allclose(out[0, 13], torch.linspace(0, 1, 10), atol=1e-6)
    assert fuse_features(FEATURES, ["level", "mfcc"]).shape == (2, 14, 19) and fuse_features(FEATURES, frames=7).shape == (2, 15, 7)
    assert fuse_features(FEATURES, ["voiced"], frames=6, mode="nearest")[0, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert fuse_features({"one": torch.ones(1, 1)}, frames=3).tolist() == [[1, 1, 1]]
    x = torch.randn(1, 2, 5, requires_grad=True)
    fuse_features({"a": x}, frames=9).sum().backward()
    assert x.grad is not None and abs(x.grad.sum() - 18) < 1e-4


def test_what_cannot_be_fused_is_named():
    for make, words in (
        (lambda: fuse_features(FEATURES, ["mfc"]), "'mfc' is missing. Did you mean 'mfcc'"),
        (lambda: fuse_features({}), "No features"),
        (lambda: fuse_features({"a": torch.zeros(2, 3, 4), "b": torch.zeros(3, 3, 4)}), r"'b' is of a batch \(3,\), 'a' of \(2,\)"),
        (lambda: fuse_features({"a": torch.zeros(3, 0)}), "at least one frame"),
        (lambda: fuse_features(FEATURES, mode="cubic"), "'linear' or 'nearest'"),
        (lambda: fuse_features(FEATURES, frames=0), "frames=0"),
    ):
        with pytest.raises(ValueError, match=words):
            make()
