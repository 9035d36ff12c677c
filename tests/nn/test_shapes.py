"""The one voice for wrong shapes."""

from __future__ import annotations

import pytest
import torch

from weft.nn import expect


def test_names_who_what_and_where():
    """Property: what fits passes; what does not is named with both shapes, and a missing batch with its remedy."""
    assert expect(torch.zeros(2, 3, 5, 7), "B 3 H W", "Net") is None
    with pytest.raises(ValueError, match=r"Net expects a tensor of shape \(B, 3, H, W\); got \(2, 1, 5, 7\): dimension 1 is 1 instead of 3"):
        expect(torch.zeros(2, 1, 5, 7), "B 3 H W", "Net")
    with pytest.raises(ValueError, match=r"3 dimensions instead of 4; .*unsqueeze\(0\)"):
        expect(torch.zeros(3, 5, 7), "B 3 H W", "Net")
    with pytest.raises(ValueError, match=r"5 dimensions instead of 4\."):
        expect(torch.zeros(1, 2, 3, 5, 7), "B 3 H W", "Net")


def test_dots_stand_for_any_number_of_dimensions():
    """Property: sizes before and after the dots are checked from their own end."""
    for shape in ((4,), (2, 4), (2, 3, 4)):
        assert expect(torch.zeros(shape), "... 4", "Net") is None
    assert expect(torch.zeros(2, 3, 9, 4), "B 3 ... 4", "Net") is None
    with pytest.raises(ValueError, match=r"\(B, 3, \.\.\., 4\); got \(2, 3, 9, 5\): dimension 3 is 5 instead of 4\."):
        expect(torch.zeros(2, 3, 9, 5), "B 3 ... 4", "Net")
    with pytest.raises(ValueError, match=r"1 dimensions instead of 2 or more"):
        expect(torch.zeros(3), "B 3 ...", "Net")
