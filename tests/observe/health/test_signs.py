"""The signs on scripted curves and reports."""

from __future__ import annotations

import math

import pytest

from weft.observe.health.evidence import Evidence
from weft.observe.health.rules import RULES, findings

LOG10 = math.log(10)


def curve(train, val=None, accuracy=None, lr=None, steps=400):
    """Two hundred lines of a scripted training; each argument is a function of the fraction that is over."""
    rows = []
    for i in range(1, 201):
        t = i / 200
        row = {"stage": "train", "step": round(steps * t), "loss": train(t), "lr": lr(t) if lr else 1e-3}
        if val is not None and i % 10 == 0:
            row |= {"val/loss": val(t), "val/accuracy": accuracy(t) if accuracy else 0.9}
        rows.append(row)
    return rows


def falling(to, start=LOG10, speed=6.0):
    return lambda t: to + (start - to) * math.exp(-speed * t)


def reports(first=2.35, ratio=0.02, **more):
    """What monitors say of a healthy training, with changes."""
    usual = {"output/classes": 10.0, "output/batch": 64.0, "output/items": 64.0, "output/size": 0.8, "input/rms": 1.0, "input/mean": 0.0, "input/normed": 0.0}
    usual |= {"frozen/share": 0.0, "gradient/none": 0.0, "gradient/zero": 0.0, "gradient/norm": 1.0, "relu/dead": 0.1, "rows/silent": 0.1}
    usual |= {name.replace("__", "/"): value for name, value in more.items()}
    return [{"step": 1, "loss": first, **usual}, *({"step": s, "update/ratio": ratio * (1 - s / 500), **usual} for s in (2, 50, 100, 200, 300, 400))]


HEALTHY = curve(falling(0.05), falling(0.2), lambda t: 0.1 + 0.85 * t)
CHANCE = curve(lambda t: LOG10, lambda t: LOG10 + 0.01, lambda t: 0.1)
STUCK = {"lr": lambda t: 1e-3}

CASES = {
    "healthy": (HEALTHY, reports(), ()),
    "healthy, noisy": (curve(lambda t: falling(0.1)(t) * (1 + 0.3 * math.sin(997 * t)), falling(0.2), lambda t: 0.9), reports(), ()),
    "healthy, without monitors": (HEALTHY, [], ()),
    "healthy, to learn by heart is not reached": (curve(falling(0.15), falling(0.3), lambda t: 0.9), reports(), ()),
    "a fine-tuning": (curve(falling(0.2, 0.4), falling(0.25, 0.45), lambda t: 0.93, lr=lambda t: 1e-5), reports(first=0.4, ratio=1e-4), ()),
    "a regression": (curve(falling(0.3, 1.0), falling(0.35, 1.0)), reports(first=1.0, output__classes=1.0), ()),
    "nothing yet": ([], [], ()),
    "summed": (curve(falling(3.0, 64 * LOG10), falling(12.8, 64 * LOG10)), reports(first=150.0), ("loss_reduction",)),
    "divided twice": (curve(falling(0.001, LOG10 / 64), falling(0.004, LOG10 / 64)), reports(first=0.036), ("loss_reduction",)),
    "large outputs are no wrong mean": (curve(falling(0.1, 140.0), falling(0.2, 140.0), lambda t: 0.9), reports(first=140.0, output__size=120.0), ()),
    "pixels of 0 to 255": (HEALTHY, reports(input__rms=120.0), ("unnormalised_input",)),
    "tiny inputs": (HEALTHY, reports(input__rms=1e-4), ("unnormalised_input",)),
    "a norm comes first": (HEALTHY, reports(input__rms=120.0, input__normed=1.0), ()),
    "columns of all sizes": (HEALTHY, reports(input__spread=1e6), ("unnormalised_input",)),
    "frozen": (HEALTHY, reports(frozen__share=0.9), ("frozen_by_mistake",)),
    "no gradient": (HEALTHY, reports(gradient__unused=0.3), ("frozen_by_mistake",)),
    "a mask token that is not used": (HEALTHY, reports(gradient__none=1.0, gradient__unused=0.001), ()),
    "tiny batch": (HEALTHY, reports(batchnorm__batch=2.0), ("tiny_batch_norm",)),
    "a leak": (HEALTHY, reports(leak__purity=0.99, leak__samples=128.0), ("label_leak",)),
    "a strong feature of a weak network": (curve(falling(1.0), falling(1.1), lambda t: 0.5), reports(leak__purity=0.99), ()),
    "exploding": (curve(lambda t: 2.2, lambda t: 2.25, lambda t: 0.15), reports(gradient__through_time=1e4, gradient__norm=1e4), ("exploding_gradients",)),
    "too high": (curve(lambda t: 40 * math.exp(-9 * t) + 2.3, lambda t: 2.31, lambda t: 0.1), reports(ratio=0.6), ("rate_too_high",)),
    "too high, seen by the curve": (curve(lambda t: 40 * math.exp(-9 * t) + 2.3 if t > 0.01 else 2.3, lambda t: 2.31, lambda t: 0.1), [], ("rate_too_high",)),
    "large steps that do no harm": (HEALTHY, reports(ratio=0.3), ()),
    "dead": (HEALTHY, reports(relu__dead=0.9, dead__layer3=0.9), ("dead_relu",)),
    "dead functions": (HEALTHY, reports(rows__silent=0.9), ("dead_relu",)),
    "saturated": (HEALTHY, reports(bounded__saturated=0.9), ("saturated",)),
    "vanishing": (HEALTHY, reports(gradient__trend=-6.0), ("vanishing_gradients",)),
    "too low": (curve(falling(2.2, LOG10, 1.0), falling(2.2, LOG10, 1.0), lambda t: 0.12), reports(ratio=1e-5), ("rate_too_low",)),
    "shuffled labels": (curve(falling(1.5, LOG10, 2.0), lambda t: LOG10 + 0.4 * t, lambda t: 0.1), reports(), ("no_relation",)),
    "shuffled labels that cannot be learned by heart": (CHANCE, reports(), ("no_relation",)),
    "by heart": (curve(falling(0.001, LOG10, 20.0), lambda t: falling(0.6, LOG10, 20.0)(t), lambda t: 0.8), reports(), ("overfit",)),
    "rising": (curve(falling(0.2, LOG10, 5.0), lambda t: 0.6 + 1.2 * (t - 0.3) ** 2 + (2 if t < 0.06 else 0), lambda t: 0.8), reports(), ("overfit",)),
    "not a number": (curve(lambda t: falling(0.5)(t) if t < 0.8 else math.nan, falling(0.6)), reports(), ("not_finite",)),
    "up and down": (curve(falling(0.3), lambda t: 0.8 + 0.35 * (-1) ** round(20 * t), lambda t: 0.7), reports(), ("oscillation",)),
    "stuck at the beginning": (curve(lambda t: 1.0, lambda t: 1.0), reports(first=1.0, output__classes=1.0), ("plateau",)),
    "stuck half way": (curve(falling(1.2, LOG10, 30.0), falling(1.22, LOG10, 30.0), lambda t: 0.55), reports(), ("underfit",)),
    "flat because the rate has gone": (curve(lambda t: max(0.9, LOG10 - 4 * t), lambda t: max(0.95, LOG10 - 4 * t), lambda t: 0.6, lr=lambda t: 1e-3 if t < 0.4 else 1e-6), reports(), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_scripted_trainings_are_told_apart(name):
    """Closed form: each scripted curve and its reports are called what they were made to be, and healthy ones nothing."""
    metrics, seen, expected = CASES[name]
    assert tuple(rule.name for rule, _ in findings(Evidence(metrics, seen))) == expected


def test_every_rule_has_a_case_or_a_test_of_its_own():
    found = {name for _, _, expected in CASES.values() for name in expected}
    assert {rule.name for rule in RULES} - found == {"out_of_memory"}


def test_no_room_is_told_from_the_failure():
    found = findings(Evidence(HEALTHY, reports(), "train", {"error": "OutOfMemoryError", "message": "CUDA out of memory."}))
    assert [(rule.name, said) for rule, said in found] == [("out_of_memory", "CUDA out of memory.")]


def test_every_figure_is_said():
    for name, (metrics, seen, expected) in CASES.items():
        for rule, said in findings(Evidence(metrics, seen)):
            assert any(c.isdigit() for c in said) or rule.name == "not_finite", (name, said, expected)
