"""Sets of guesses, matched by hand, by every permutation and by scipy."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

from weft.losses import Loss, centre_focal, giou, match, quality_focal, set_prediction
from weft.losses.dense.detection import corners, matching_cost


def test_quality_focal_by_its_formula():
    """Closed form: quality_focal is |y - p|^b times the cross-entropy, least where p = y; power 0 in the limit is the cross-entropy."""
    logits, wanted = torch.randn(20), torch.rand(20)
    p = logits.sigmoid()
    entropy = -(wanted * p.log() + (1 - wanted) * (1 - p).log())
    torch.testing.assert_close(quality_focal(logits, wanted, power=1.5), (wanted - p).abs() ** 1.5 * entropy, rtol=1e-4, atol=1e-5)
    assert quality_focal(wanted.logit(), wanted).max() < 1e-6
    with pytest.raises(ValueError, match="power > 0"):
        quality_focal(logits, wanted, power=0.0)


def test_centre_focal_by_its_formula():
    """Closed form: centre_focal at centres, beside them and far off; it is divided by the number of centres."""
    logits, heat = torch.randn(2, 5, 5), torch.rand(2, 5, 5)
    heat[0, 1, 1] = heat[1, 3, 2] = 1.0
    p = logits.sigmoid()
    wanted = torch.where(heat == 1, -((1 - p) ** 2) * p.log(), -((1 - heat) ** 4) * p**2 * (1 - p).log())
    found = centre_focal(logits, heat)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(Loss.over(found, heat == 1).value, wanted.sum() / 2)


def test_match_costs_least():
    """Brute force: match against every assignment of three true things to five guesses; a diverged cost still gets an answer."""
    pytest.importorskip("scipy")
    cost = torch.randn(5, 3)
    rows, columns = match(cost)
    least = min(sum(cost[r, c] for c, r in enumerate(order)) for order in itertools.permutations(range(5), 3))
    assert cost[rows, columns].sum().item() == pytest.approx(least.item())
    assert sorted(columns.tolist()) == [0, 1, 2]
    assert len(match(torch.full((2, 2), float("nan")))[0]) == 2


def test_the_loss_is_that_of_the_best_assignment():
    """Brute force: set_prediction's terms for the assignment that costs least among all; the guesses left over say nothing, weighed by a tenth."""
    pytest.importorskip("scipy")
    logits, boxes = torch.randn(2, 4, 3), torch.rand(2, 4, 4)
    targets = [(torch.tensor([1, 0]), torch.rand(2, 4)), (torch.tensor([1]), torch.rand(1, 4))]
    loss = set_prediction(logits, boxes, targets)
    wanted, near, far = torch.full((2, 4), 2), [], []
    for item, (labels, places) in enumerate(targets):
        cost = matching_cost(logits[item], boxes[item], labels, places, (1.0, 5.0, 2.0))
        order = min(itertools.permutations(range(4), len(labels)), key=lambda o: sum(cost[r, c] for c, r in enumerate(o)).item())
        for column, row in enumerate(order):
            wanted[item, row] = labels[column]
            near.append(boxes[item, row])
            far.append(places[column])
    near, far = torch.stack(near), torch.stack(far)
    terms = {name: (term.total / term.count).item() for name, term in loss.terms.items()}
    assert terms["class"] == pytest.approx(F.cross_entropy(logits.mT, wanted, weight=torch.tensor([1.0, 1.0, 0.1])).item(), rel=1e-5)
    assert terms["l1"] == pytest.approx((near - far).abs().sum().item() / 3, rel=1e-5)
    assert terms["giou"] == pytest.approx(giou(corners(near), corners(far)).mean().item(), rel=1e-5)
    assert [term.weight for term in loss.terms.values()] == [1.0, 5.0, 2.0]


def test_order_of_guesses_and_pieces_of_the_batch_change_nothing():
    """Property: set_prediction is the same for guesses in another order, and pieces of a batch add up by their counts."""
    pytest.importorskip("scipy")
    logits, boxes = torch.randn(3, 5, 3), torch.rand(3, 5, 4)
    targets = [(torch.tensor([0, 1]), torch.rand(2, 4)), (torch.zeros(0, dtype=torch.long), torch.zeros(0, 4)), (torch.tensor([1]), torch.rand(1, 4))]
    whole = set_prediction(logits, boxes, targets)
    order = torch.randperm(5)
    torch.testing.assert_close(set_prediction(logits[:, order], boxes[:, order], targets).value, whole.value)
    pieces = Loss.joined([set_prediction(logits[:1], boxes[:1], targets[:1]), set_prediction(logits[1:], boxes[1:], targets[1:])])
    torch.testing.assert_close(pieces.value, whole.value)
    nothing = set_prediction(logits.requires_grad_(), boxes.requires_grad_(), [targets[1]] * 3)
    nothing.value.backward()
    assert logits.grad.any() and not boxes.grad.any()


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="one target an item"):
        set_prediction(torch.zeros(2, 3, 2), torch.zeros(2, 3, 4), [])
    with pytest.raises(ValueError, match="2 true boxes and 1 guesses"):
        set_prediction(torch.zeros(1, 1, 2), torch.zeros(1, 1, 4), [(torch.tensor([0, 0]), torch.zeros(2, 4))])
