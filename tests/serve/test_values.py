"""Contract: numbers without a codec, and what is said of anything else."""

from __future__ import annotations

import pytest

from tests.serve.conftest import OWN, Scorer
from weft.catalogue.spec import own
from weft.serve.bundle import Bundle


def test_plain_numbers_say_what_is_wrong(tmp_path):
    bundle = Bundle.open(Bundle.save(tmp_path / "m", {"predict": own(Scorer, {"hidden": 4})}), own=OWN)
    for value in ("text", [[1, 2], [3]], [float("nan"), 1.0], [1e300, 1.0], {"a": 1}, None, [10**30, 1]):
        with pytest.raises(ValueError, match="Record 0: the field 'input'"):
            bundle.predict([{"input": value}])
    with pytest.raises(ValueError, match="expected a field 'input'"):
        bundle.predict([{"x": 1}])
