"""Class names and what a prediction says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data.labels import classes_of, decode_classes, name_of, target_of


def test_the_same_class_has_one_name_in_every_type():
    assert {name_of(v) for v in (3, 3.0, "3", np.int64(3), np.float32(3), torch.tensor(3))} == {"3"}
    assert name_of(2.5) == "2.5" and name_of(np.True_) == "True"


def test_order_is_numeric_for_numbers_and_alphabetical_for_text():
    assert classes_of([10, 9, -1, 10]) == ("-1", "9", "10")
    assert classes_of(["10", "9", "b", "B"]) == ("10", "9", "B", "b")
    assert classes_of(torch.tensor([2, 0, 2])) == ("0", "2")


@pytest.mark.parametrize("labels", [["a", "a"], []])
def test_fewer_than_two_classes_are_refused(labels):
    with pytest.raises(ValueError, match="at least two"):
        classes_of(labels)


def test_targets_are_scalars_and_an_unseen_class_names_its_neighbours():
    assert target_of("b", ("a", "b")).shape == () and target_of(1.0, ("0", "1")).item() == 1
    with pytest.raises(ValueError, match=r"'kat' was not among the training classes. Did you mean 'cat'"):
        target_of("kat", ("cat", "dog"))


def test_decoding_is_a_softmax():
    """Closed form: scores are exp(logit) over their sum."""
    (record,) = decode_classes({"output": torch.tensor([[0.0, np.log(3.0)]])}, ("a", "b"))
    assert record == {"label": "b", "score": pytest.approx(0.75), "scores": {"a": pytest.approx(0.25), "b": pytest.approx(0.75)}}
    for logit in (torch.tensor([np.log(3.0)]), torch.tensor([[np.log(3.0)]])):
        assert decode_classes({"output": logit.float()}, ("a", "b"))[0]["score"] == pytest.approx(0.75)


def test_a_network_of_other_width_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3\); expected \(B, 4\)"):
        decode_classes({"output": torch.zeros(2, 3)}, tuple("abcd"))
