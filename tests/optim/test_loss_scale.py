"""Loss scaling: divides again, backs off, grows."""

from __future__ import annotations

import torch

from weft.optim.loss_scale import LossScale


def test_gradients_are_divided_only_when_they_are_good():
    """Closed form: a good step divides and counts, a bad one halves the scale and leaves them."""
    scale = LossScale(8.0, interval=2)
    gradients = [torch.tensor([16.0])]
    assert scale.keep(True, gradients) and gradients[0].item() == 2.0
    assert scale.keep(True, gradients) and scale.scale == 16.0
    assert not scale.keep(False, gradients)
    assert (scale.scale, scale.backing_off, gradients[0].item()) == (8.0, True, 2.0 / 8.0)


def test_at_scale_one_a_bad_step_is_no_matter_of_scaling():
    """Property: then the non-finite gradient is real, and the update's own policy decides."""
    scale = LossScale(1.0)
    scale.keep(False, [])
    assert not scale.backing_off


def test_state_goes_on():
    """Contract: scale and streak are saved."""
    scale, other = LossScale(4.0), LossScale()
    scale.keep(True, [])
    other.load_state_dict(scale.state_dict())
    assert (other.scale, other.streak) == (4.0, 1)
