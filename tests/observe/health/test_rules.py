"""The table of rules, and how causes stand for what they lead to."""

from __future__ import annotations

import math

from tests.observe.health.test_signs import HEALTHY, LOG10, curve, reports
from weft.observe.health.evidence import Evidence
from weft.observe.health.rules import RULES, findings
from weft.observe.health.signs import Limits


def test_what_a_cause_accounts_for_is_left_out():
    seen = reports(ratio=0.6, relu__dead=0.99)
    metrics = curve(lambda t: 90 * math.exp(-9 * t) + LOG10, lambda t: LOG10, lambda t: 0.1)
    assert [rule.name for rule, _ in findings(Evidence(metrics, seen))] == ["rate_too_high"]
    names = {rule.name for rule in RULES}
    assert all(set(rule.leads_to) <= names - {rule.name} for rule in RULES)


def test_limits_can_be_moved():
    seen = reports(relu__dead=0.6)
    assert not findings(Evidence(HEALTHY, seen)) and findings(Evidence(HEALTHY, seen), Limits(dead=0.5))[0][0].name == "dead_relu"
