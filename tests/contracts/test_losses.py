"""What every loss of the catalogue does: one value an item, masks, scale, pieces that add up, exact gradients, extremes, full precision."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import weft.losses
from tests.contracts.walk import entries, example, over
from weft.losses import Loss


def sure(target: Tensor) -> Tensor:
    """Logits (B, C, ...) that put everything on the right class."""
    return 100.0 * F.one_hot(target, 4).movedim(-1, 1).float()


def yes_or_no(target: Tensor) -> Tensor:
    """Logits that answer right and are sure of it."""
    return 200.0 * (target.float() - 0.5)


def last(target: Tensor) -> Tensor:
    """The same with the classes last."""
    return 100.0 * F.one_hot(target, 4).float()


def aligned(target: Tensor) -> Tensor:
    """Logits of five frames that are sure of label, blank, label, blank, blank."""
    blank = torch.zeros_like(target[:, 0])
    return last(torch.stack([target[:, 0], blank, target[:, 1], blank, blank], dim=1))


def spoken_at_once(target: Tensor) -> Tensor:
    """Logits of three frames that are sure of the next label, then of the blank."""
    return last(F.pad(target, (0, 1))).unsqueeze(1).expand(-1, 3, -1, -1)


# Where a loss has no meaning outside a range of its prediction (a depth, a probability, a picture): the range that the extremes are cut to.
DOMAIN: dict[str, tuple[float, float]] = {
    "poisson_nll": (-1e4, 10.0),  # a logarithm, whose exponential must fit into half precision
    "nll": (-1e4, 0.0),
    "hinge_embedding": (0.0, 1e4),
    "probability_nll": (0.0, 1.0),
    "probability_binary_cross_entropy": (0.0, 1.0),
}

# What a loss is at a perfect prediction. Without a line here that is 0 at prediction = target, of one shape.
# A line says how a perfect prediction is made of the target, and the value there; or, as text, why there is none.
PERFECT: dict[str, tuple[Callable[[Tensor], Tensor], float] | str] = {
    "cross_entropy": (sure, 0.0),
    "binary_cross_entropy": (yes_or_no, 0.0),
    "focal": (sure, 0.0),
    "binary_focal": (yes_or_no, 0.0),
    "quantile": (lambda target: target.unsqueeze(-1).expand(-1, 3), 0.0),
    "hinge": (yes_or_no, 0.0),
    "multiclass_hinge": (sure, 0.0),
    "hinge_embedding": (lambda target: 2 * (1 - target), 0.0),
    "poisson_nll": "the best value depends on the count",
    "nll": (lambda target: sure(target).log_softmax(1), 0.0),
    "probability_nll": (lambda target: sure(target).softmax(1), 0.0),
    "probability_binary_cross_entropy": (lambda target: target, 0.0),
    "logit_adjusted": (sure, 0.0),
    "balanced_pixels": (yes_or_no, 0.0),
    "crf_nll": (lambda target: 0.4 * last(target), 0.0),
    "ctc": (aligned, 0.0),
    "hybrid_ctc": "its example uses the same logits for frames and for tokens",
    "linear_cross_entropy": "its logits are made of its weight",
    "token_cross_entropy": (last, 0.0),
    "transducer": (spoken_at_once, 0.0),
    "gaussian_kl": (lambda log_variance: torch.zeros_like(log_variance), 0.0),
    "non_saturating_critic": "a game: what is best depends on the other player",
    "non_saturating_generator": "a game: what is best depends on the other player",
    "hinge_critic": "a game: what is best depends on the other player",
    "wasserstein_critic": "a game: what is best depends on the other player",
    "wasserstein_generator": "a game: what is best depends on the other player",
    "info_nce": "the best value depends on how the others of the batch lie",
    "nt_xent": "the best value depends on how the others of the batch lie",
}
COMPANY = "the best value depends on how the others of the batch lie"
PAIR = "it compares two scores; none is right by itself"
PERFECT |= {  # of the shelf metric
    "triplet": (lambda target: 10.0 * F.one_hot(target, 4), 0.0),
    "triplet_given": "its two others stand in the target",
    "contrastive_pair": "strangers are to lie apart",
    "contrastive_labels": (lambda target: 10.0 * F.one_hot(target, 4), 0.0),
    "sup_con": COMPANY,
    "adaptive_sup_con": COMPANY,
    "info_nce_given": "the best value depends on how the negatives lie",
    "predictive_coding": COMPANY,
    "clip_contrast": COMPANY,
    "sigmoid_contrast": COMPANY,
    "arcface": (lambda target: 2.0 * F.one_hot(target, 4) - 1, 0.0),
    "cosface": (lambda target: 2.0 * F.one_hot(target, 4) - 1, 0.0),
    "sphereface": (lambda target: 2.0 * F.one_hot(target, 4) - 1, 0.0),
    "proxy_nca": (lambda target: 2.0 * F.one_hot(target, 4) - 1, 0.0),
    "proxy_anchor": (lambda target: 2.0 * F.one_hot(target, 4) - 1, 0.0),
    "prototypical": "its best value depends on how the prototypes lie",
    "relation": (lambda target: F.one_hot(target, 4).float(), 0.0),
    "margin_ranking": PAIR,
    "bayesian_ranking": PAIR,
    "listwise_softmax": "its least value is the entropy of the relevances",
    "lambda_rank": (lambda target: 1000 * target, 0.0),
    "approx_ndcg": (lambda target: 100 * target + torch.arange(5), 0.0),
    "link_ranking": PAIR,
    "soft_f1": (yes_or_no, 0.0),
    "ranking_auc": (yes_or_no, 0.0),
    "soft_spearman": (lambda target: 1000 * target, 0.0),
    "smooth_ap": (lambda target: 1000 * target, 0.0),
    "expected_metric": "an estimate of a slope; its value means nothing",
}
GAME = "a game: what is best depends on the other player"
PERFECT |= {  # of the shelf generative
    "saturating_generator": GAME,
    "smoothed_critic": GAME,
    "least_squares_critic": GAME,
    "least_squares_generator": "it has no target; its best value is 0, at the score it wants",
    "relativistic_critic": GAME,
    "relativistic_generator": GAME,
    "paired_translation": GAME,
    "reconstruction": "its least value is the entropy of the shares in the target",
    "evidence_bound": "its two halves pull apart: nobody knows the least value",
    "level_nll": "its least value depends on the width of a level",
    "flow_nll": "the density has no upper bound",
    "denoising_score_matching": (lambda target: -2 * target, 0.0),
}
RELATIVE = "it compares likelihoods; none is right by itself"
PERFECT |= {  # of the shelf policy
    "dpo": RELATIVE,
    "ipo": RELATIVE,
    "kto": RELATIVE,
    "orpo": RELATIVE,
    "simpo": RELATIVE,
    "reinforce": "an estimate of a slope; its value means nothing",
    "actor_critic": "an estimate of a slope; its value means nothing",
    "clipped_policy": "an estimate of a slope; its value means nothing",
    "soft_actor": "an estimate of a slope; its value means nothing",
    "curiosity": "its two halves pull apart: nobody knows the least value",
    "categorical_value": "its least value is the entropy of the target",
    "quantile_value": "its least value depends on how the samples spread",
}
DOMAIN["correlation_alignment"] = (-30.0, 30.0)  # a fourth power: in float16 its slope ends there
PERFECT |= {  # of the shelf transfer
    "multi_teacher": "its least value depends on how far the teachers agree",
    "mean_discrepancy": "unbiased, it is a little below 0 for one and the same sample",
    "canonical_correlation": "the ridge keeps it a little above 0",
    "domain_confusion": "it has no target; its least value is log K, at equal logits",
    "answer_entropy": "it has no target; its least value is 0, at a sure answer",
    "pseudo_label": "the best value depends on which answers are sure",
    "trades": "clean and perturbed logits pull apart",
    "adversarial_mix": (sure, 0.0),
}
UNTARGETED = "it has no target; a flat, even surface costs 0, as its own tests show"
PERFECT |= {  # of the shelf physics
    "chamfer": "the target has another number of points",
    "earth_mover": "the target has another number of points",
    "edge_length": UNTARGETED,
    "mesh_laplacian": UNTARGETED,
    "normal_consistency": UNTARGETED,
    "epipolar": "it depends on the camera which pairs belong together",
    "reprojection": "points in space and pixels differ in kind",
}
PERFECT_TARGET = {"gaussian_kl": lambda log_variance: torch.zeros_like(log_variance)}  # where the example's own target is no perfect one's

PERFECT |= {  # of the shelf dense
    **dict.fromkeys(("dice", "jaccard", "tversky", "focal_tversky", "generalised_dice", "lovasz_softmax"), (sure, 0.0)),
    "lovasz_hinge": (yes_or_no, 0.0),
    "boundary": "it measures signed distances; how far below 0 it gets depends on the region",
    "discriminative": "what is left at its best is the length of the means",
    "total_variation": "it has no target; a constant costs 0",
    "quality_focal": (lambda target: target.logit(), 0.0),
    "centre_focal": (lambda target: 200.0 * ((target == 1).float() - 0.5), 0.0),
    "class_mask": (lambda target: yes_or_no(target).unsqueeze(1).expand(-1, 4, -1, -1), 0.0),
    "centredness": "its least value is the entropy of the shares in the target",
    "encoded_boxes": (lambda target: weft.losses.encode_boxes(target, torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(target.shape)), 0.0),
    "edge_aware_smoothness": (lambda picture: torch.ones_like(picture[:, :1]), 0.0),
}
PERFECT_TARGET["temporal_consistency"] = torch.ones_like
DOMAIN |= {  # of the shelf dense
    "sides_iou": (0.0, 1e4),
    "scale_invariant_log": (0.0, 1e4),
    "gram_style": (-50.0, 50.0),  # a fourth power, whose gradient must fit into half precision
}
# Losses whose gradient differs from the finite difference on purpose, and why; their own tests check it.
HELD: dict[str, str] = {
    "ciou": "the paper holds the weight of the angles constant",
    "reverse_huber": "the error where it turns is measured, not learned",
}
# Losses whose values autocast may change, and why.
HALVED: dict[str, str] = {"linear_cross_entropy": "its linear layer runs in the type that autocast asks for, as others do"}

# Losses that take what would broadcast, and why.
BROADCASTS: dict[str, str] = {}

def case(entry, double=False):
    function, prediction, target = example(entry)
    if double:
        prediction = prediction.double()
        target = target.double() if target is not None and target.is_floating_point() else target
    return function, prediction, target


def call(function, prediction, target):
    return function(prediction) if target is None else function(prediction, target)


def cut(value, which):
    return None if value is None else value[which]


def couples(entry):
    return entry.name in getattr(importlib.import_module(entry.shelf), "COUPLING", ())


@over("loss")
def test_one_finite_value_an_item(entry):
    """Contract: the result is not reduced over the batch and stays finite."""
    function, prediction, target = case(entry)
    values = call(function, prediction, target)
    assert values.ndim >= 1
    assert len(values) == len(prediction)
    assert values.isfinite().all()


@over("loss")
def test_masked_items_leave_no_trace(entry):
    """Contract: a masked mean equals the mean over the kept items alone, whatever the others hold."""
    if couples(entry):
        pytest.skip("its items see each other by definition")
    function, prediction, target = case(entry)
    keep = torch.arange(len(prediction)) % 3 != 1
    kept = Loss.mean(call(function, prediction[keep], cut(target, keep)))
    prediction = prediction.clone().requires_grad_()
    masked = Loss.mean(call(function, prediction, target), keep)
    torch.testing.assert_close(masked.value, kept.value)
    masked.value.backward()
    assert not prediction.grad[~keep].any()
    assert prediction.grad[keep].any()


@over("loss")
def test_two_halves_add_up_to_the_whole(entry):
    """Contract: sums and counts of uneven pieces add up to those of the whole batch."""
    if couples(entry):
        pytest.skip("its items see each other by definition")
    function, prediction, target = case(entry)
    whole = Loss.mean(call(function, prediction, target)).terms["loss"]
    pieces = [Loss.mean(call(function, prediction[part], cut(target, part))).terms["loss"] for part in (slice(0, 1), slice(1, None))]
    torch.testing.assert_close(sum(piece.total for piece in pieces), whole.total)
    assert sum(float(piece.count) for piece in pieces) == float(whole.count)


@over("loss")
def test_a_weight_scales_value_and_gradient(entry):
    """Contract: half the loss has half the value and half the gradient."""
    function, prediction, target = case(entry)
    gradients = []
    for weight in (1.0, 0.5):
        leaf = prediction.clone().requires_grad_()
        loss = weight * Loss.mean(call(function, leaf, target))
        loss.value.backward()
        gradients.append((loss.value.detach(), leaf.grad))
    torch.testing.assert_close(gradients[1][0], 0.5 * gradients[0][0])
    torch.testing.assert_close(gradients[1][1], 0.5 * gradients[0][1])


@over("loss")
def test_gradient_equals_finite_differences(entry):
    """Contract: gradcheck in float64."""
    if entry.name in HELD:
        pytest.skip(HELD[entry.name])
    function, prediction, target = case(entry, double=True)
    assert torch.autograd.gradcheck(lambda leaf: call(function, leaf, target), prediction.requires_grad_())


def gradient(entry, prediction, target, mask=None):
    """The masked mean and its gradient with respect to the prediction."""
    function, _, _ = case(entry)
    leaf = prediction.detach().clone().requires_grad_()
    loss = Loss.mean(call(function, leaf, target), mask)
    loss.value.backward()
    return loss.value.detach(), leaf.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@over("loss")
def test_extremes_keep_value_and_gradient_finite(entry, dtype):
    """Contract: predictions of +-1e4, all 0, all equal and equal to the target give a finite value in float32 and a finite gradient."""
    _, prediction, target = case(entry)
    low, high = DOMAIN.get(entry.name, (-1e4, 1e4))
    inputs = {
        "large": torch.where(prediction > prediction.median(), high, low),
        "one large": torch.full_like(prediction, high),
        "zero": torch.zeros_like(prediction).clamp(low, high),
        "equal": torch.ones_like(prediction).clamp(low, high),
    }
    if target is not None and target.is_floating_point():
        target = target.to(dtype)
        if target.shape == prediction.shape:
            inputs["the target"] = target
    for name, extreme in inputs.items():
        value, slope = gradient(entry, extreme.to(dtype), target)
        assert value.isfinite(), f"{name}: value {value}"
        assert value.dtype == torch.float32, f"{name}: {value.dtype}"
        assert slope.isfinite().all(), f"{name}: gradient {slope}"


@over("loss")
def test_a_mask_that_keeps_nothing_gives_zero_and_stays_connected(entry):
    """Contract: zero loss, and a gradient that is there and zero, so that ranks without a valid item still take part."""
    _, prediction, target = case(entry)
    value, slope = gradient(entry, prediction, target, torch.zeros(len(prediction), dtype=torch.bool))
    assert value == 0
    assert slope is not None and not slope.any()


@over("loss")
def test_a_perfect_prediction_costs_what_is_stated(entry):
    """Contract: zero, or the stated minimum, where the prediction is perfect; and nothing near it costs less."""
    function, prediction, target = case(entry)
    stated = PERFECT.get(entry.name, (lambda target: target, 0.0))
    if isinstance(stated, str):
        pytest.skip(stated)
    make, least = stated
    assert target is not None, f"{entry.name} has no target: say in PERFECT what its best value is, or why there is none."
    target = PERFECT_TARGET.get(entry.name, lambda target: target)(target)
    perfect = make(target)
    values = call(function, perfect, target)
    torch.testing.assert_close(values, torch.full_like(values, least), rtol=1e-4, atol=1e-5)
    if entry.name not in DOMAIN:
        worse = Loss.mean(call(function, perfect + 0.1 * torch.randn_like(prediction), target)).value
        assert worse >= values.mean() - 1e-5


@over("loss")
def test_computed_in_float32_under_autocast(entry):
    """Contract: half precision around a loss changes neither the type nor a digit of it; a prediction in half precision gives float32 too."""
    function, prediction, target = case(entry)
    plain = call(function, prediction, target)
    with torch.autocast("cpu", torch.bfloat16):
        inside = call(function, prediction, target)
        half = call(function, prediction.bfloat16(), target)
    assert inside.dtype == half.dtype == torch.float32
    if entry.name not in HALVED:
        torch.testing.assert_close(inside, plain, rtol=1e-5, atol=1e-6)


@over("loss")
def test_shapes_that_would_broadcast_are_refused(entry):
    """Contract: a target with one dimension too many raises, with both shapes in the text."""
    function, prediction, target = case(entry)
    if entry.name in BROADCASTS:
        pytest.skip(BROADCASTS[entry.name])
    if target is None:
        pytest.skip("has one argument")
    with pytest.raises(ValueError) as error:
        function(prediction, target.unsqueeze(-1))
    text = str(error.value)
    assert str(tuple(prediction.shape)) in text and str((*target.shape, 1)) in text, text


def test_the_lists_of_exceptions_name_losses_that_exist():
    names = {entry.name for entry in entries("loss")}
    assert not (set(DOMAIN) | set(PERFECT) | set(BROADCASTS) | set(PERFECT_TARGET) | set(HALVED) | set(HELD)) - names
