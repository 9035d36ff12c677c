"""Contract: limits are positive numbers."""

from __future__ import annotations

import pytest

from weft.serve.limits import Limits, Refused


@pytest.mark.parametrize("wrong", [{"body_bytes": 0}, {"seconds": -1}, {"records": "many"}, {"batch": True}, {"pixels": None}])
def test_a_limit_that_nothing_passes_is_refused(wrong):
    with pytest.raises(ValueError, match=f"The limit {next(iter(wrong))} is"):
        Limits(**wrong)


def test_a_refusal_is_always_text():
    assert Limits(wait_ms=0).wait_ms == 0
    assert Refused(400, "a \ud800 b").body("id") == {"error": {"status": 400, "message": "a ? b", "request": "id"}}
