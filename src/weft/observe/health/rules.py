"""What can be wrong with a training, how it shows, and what to try. Causes stand before what they lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from weft.observe.health import signs
from weft.observe.health.evidence import Evidence
from weft.observe.health.signs import Limits


@dataclass(frozen=True)
class Rule:
    """One illness: its name, what it is called in words, what finds it, what to try, and which others it accounts for."""

    name: str
    says: str
    finds: Callable[[Evidence, Limits], str | None]
    tries: tuple[str, ...]
    leads_to: tuple[str, ...] = ()
    early: bool = False  # can be told while the training is young


CURVES = ("plateau", "underfit", "oscillation", "not_finite", "no_relation")
RULES: tuple[Rule, ...] = (
    Rule(
        "loss_reduction",
        "The loss is summed (or divided) once too often",
        signs.reduction,
        (
            "Return one value an item and let Loss.mean divide: losses never reduce over the batch.",
            "Check that the target's shape equals that of the loss.",
        ),
        ("rate_too_high", "rate_too_low", "exploding_gradients", "dead_relu", "saturated", "vanishing_gradients", "overfit", *CURVES),
        True,
    ),
    Rule(
        "unnormalised_input",
        "The input is not normalised",
        signs.unnormalised,
        ("Give the codec or a transform the mean and deviation of the training data.", "Scale pictures to [0, 1]; take logarithms of counts."),
        ("rate_too_high", "exploding_gradients", "dead_relu", "saturated", "vanishing_gradients", "overfit", "rate_too_low", *CURVES),
        True,
    ),
    Rule(
        "frozen_by_mistake",
        "Part of the network is frozen or cut off",
        signs.frozen,
        ("Look for requires_grad=False, .detach() and torch.no_grad() in the network.", "If it is meant, say so: weft.surgery.freeze(part)."),
        ("rate_too_low", "overfit", *CURVES),
        True,
    ),
    Rule(
        "tiny_batch_norm",
        "Batch norm over too few samples",
        signs.tiny_batch,
        (
            "Make the batch 16 or more.",
            "Use group or layer norm, which do not look at the batch.",
            "Microbatches count: each is normalised by itself.",
        ),
        ("overfit", "rate_too_high", *CURVES),
        True,
    ),
    Rule(
        "label_leak",
        "The label stands in the input",
        signs.leak,
        (
            "Look at that input value, and take it out.",
            "Check from what the features are computed, and when.",
            "weft.data.overlap finds records that are in both parts.",
        ),
        ("overfit",),
    ),
    Rule(
        "exploding_gradients",
        "Gradients explode on their way back through time",
        signs.exploding,
        (
            "Clip: gradients=[ClipNorm(1.0)].",
            "Start recurrent weights orthogonal, with a gain of 1 at most.",
            "Use LSTM or GRU instead of a plain recurrence; cut the sequences.",
        ),
        ("rate_too_high", "dead_relu", "saturated", "vanishing_gradients", "overfit", *CURVES),
        True,
    ),
    Rule(
        "rate_too_high",
        "The learning rate is too high",
        signs.too_high,
        ("Divide the rate by 3 to 10.", "Warm it up: schedule=warmup(500) | cosine().", "Clip gradients by norm."),
        ("dead_relu", "saturated", "vanishing_gradients", "exploding_gradients", "overfit", *CURVES),
        True,
    ),
    Rule(
        "dead_relu",
        "Most units of a layer are dead",
        signs.dead,
        (
            "Lower the rate, or warm it up: a large step kills units for good.",
            "Initialise biases at zero and weights by He's rule.",
            "Use leaky ReLU or GELU; put a norm before the activation.",
        ),
        ("vanishing_gradients", "rate_too_low", "overfit", *CURVES),
        True,
    ),
    Rule(
        "saturated",
        "Sigmoids or tanhs are saturated",
        signs.saturated,
        ("Start with smaller weights (Xavier), and normalise the input.", "Use ReLU or GELU in hidden layers.", "Put a norm before the activation."),
        ("vanishing_gradients", "rate_too_low", "overfit", *CURVES),
        True,
    ),
    Rule(
        "vanishing_gradients",
        "Gradients vanish on their way back",
        signs.vanishing,
        (
            "Add residual connections or norms.",
            "Use ReLU or GELU instead of sigmoid or tanh.",
            "Initialise for the activation (He, Xavier); use fewer layers.",
        ),
        ("rate_too_low", *CURVES),
    ),
    Rule(
        "rate_too_low",
        "The learning rate is too low",
        signs.too_low,
        (
            "Multiply the rate by 10 until the loss moves; then by 3.",
            "Check the schedule: a warm-up longer than the run never arrives.",
            "Use Adam where plain SGD crawls.",
        ),
        CURVES,
    ),
    Rule(
        "no_relation",
        "Labels and inputs have nothing to do with each other",
        signs.strangers,
        (
            "Look at a few records with their labels: weft.observe.show_batch.",
            "Check how labels were joined, sorted or shuffled apart from their inputs.",
            "Check that augmentation leaves the object in the picture.",
        ),
        ("overfit", "plateau", "underfit", "oscillation"),
    ),
    Rule(
        "overfit",
        "The network learns the training data by heart",
        signs.overfit,
        (
            "Get more data, or augment what there is.",
            "Add dropout or weight decay, or make the network smaller.",
            "Stop early: state.best() holds the best weights.",
        ),
    ),
    Rule(
        "not_finite",
        "The loss is not a number",
        signs.nan,
        (
            "Look for log(0), division by 0 and square roots at 0 in the loss.",
            "Lower the rate or clip; in float16 use bfloat16.",
            'Runtime(nonfinite="skip") passes over a bad batch.',
        ),
        ("plateau", "underfit", "oscillation"),
        True,
    ),
    Rule(
        "out_of_memory",
        "The device has no room",
        signs.memory,
        ("Use microbatches=2 in the update: the result is the same.", "Use precision=bfloat16, or a smaller batch."),
    ),
    Rule(
        "oscillation",
        "The loss goes up and down",
        signs.oscillating,
        ("Lower the rate towards the end: schedule=cosine().", "Make the batch larger, or take the average weights (ema)."),
    ),
    Rule(
        "plateau",
        "The loss does not fall at all",
        signs.plateau,
        (
            "Try overfit=1: a network that cannot learn one batch by heart has a fault.",
            "Change the rate tenfold in both directions.",
            "Check the target and the loss with weft.observe.check_method.",
        ),
    ),
    Rule(
        "underfit",
        "The network is too weak for the task, or the task is noisy",
        signs.underfit,
        (
            "Make the network wider or deeper.",
            "Train longer, with less weight decay, dropout and augmentation.",
            "Ask what a person would reach on these inputs.",
        ),
    ),
)


def findings(evidence: Evidence, limits: Limits = Limits(), *, early: bool = False) -> list[tuple[Rule, str]]:
    """Every rule that applies with its evidence, causes first; what a found cause accounts for is left out.

    >>> rows = [{"step": s, "loss": 2.3, "val/loss": 2.3, "val/accuracy": 0.1} for s in range(1, 200)]
    >>> report = {"step": 1, "loss": 147.0, "output/classes": 10.0, "output/batch": 64.0, "output/size": 1.0}
    >>> [rule.name for rule, _ in findings(Evidence(rows, [report]))]
    ['loss_reduction']
    """
    found: list[tuple[Rule, str]] = []
    for rule in RULES:
        if (early and not rule.early) or any(rule.name in cause.leads_to for cause, _ in found):
            continue
        said = rule.finds(evidence, limits)
        if said:
            found.append((rule, said))
    return found
