"""What a method answered on held-out data."""

from __future__ import annotations

import math

import pytest
import torch

from weft.data import Arrays, Loader
from weft.observe import Outcome, collect

LOGITS = torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 1.0, 0.0], [5.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
TARGET = torch.tensor([0, 1, 0, 1, 2])
OUTCOME = Outcome(TARGET, LOGITS, ("a", "b", "c"), torch.tensor([4, 3, 2, 1, 0]), source=list("vwxyz"))


def test_confusion_counts_truth_by_answer():
    assert OUTCOME.confusion() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_per_class_equals_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    generator = torch.Generator().manual_seed(0)
    target, output = torch.randint(0, 5, (200,), generator=generator), torch.randn(200, 5, generator=generator)
    rows = Outcome(target, output, tuple("abcde")).per_class()
    expected = metrics.precision_recall_fscore_support(target.numpy(), output.argmax(1).numpy())
    for key, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [row[key] for row in rows] == pytest.approx(values.tolist())


def test_a_class_that_is_absent_has_no_numbers():
    row = Outcome(torch.tensor([0, 0]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), ("a", "never")).per_class()[1]
    assert math.isnan(row["precision"]) and math.isnan(row["recall"]) and math.isnan(row["f1"]) and row["support"] == 0


def test_the_worst_mistakes_come_first_with_their_records():
    assert OUTCOME.worst() == [3, 2], "the surer mistake first; right answers not at all"
    assert [OUTCOME.record(position) for position in OUTCOME.worst()] == ["w", "x"]
    assert Outcome(TARGET, LOGITS, ("a", "b", "c")).record(0) is None


def test_probabilities_are_taken_as_they_are_and_logits_turned_into_them():
    given = torch.tensor([[0.2, 0.8], [1.0, 0.0]])
    assert torch.equal(Outcome(torch.tensor([1, 0]), given, ("a", "b")).probabilities, given)
    assert torch.allclose(OUTCOME.probabilities.sum(1), torch.ones(5)) and not torch.equal(OUTCOME.probabilities, LOGITS)


def test_one_logit_is_two_classes():
    outcome = Outcome(torch.tensor([0.0, 1.0, 1.0]), torch.tensor([[-2.0], [3.0], [-1.0]]), ("no", "yes"))
    assert outcome.answer.tolist() == [0, 1, 0] and outcome.probabilities[1, 1] == pytest.approx(torch.sigmoid(torch.tensor(3.0)).item())


def test_a_regression_puts_the_largest_errors_first():
    outcome = Outcome(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([[1.5], [2.0], [math.nan]]))
    assert outcome.worst(2) == [2, 0] and outcome.answer.shape == (3,)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((torch.tensor([0]), torch.zeros(1, 3), ("a", "b")), "2 classes"),
        ((torch.tensor([0, 1]), torch.zeros(1, 2), ("a", "b")), "target"),
        ((torch.tensor([7]), torch.zeros(1, 2), ("a", "b")), "from 7 to 7"),
        ((torch.zeros(3), torch.zeros(3, 2)), "regression"),
        ((torch.zeros(3), torch.zeros(3), (), torch.zeros(2)), "index"),
    ],
)
def test_shapes_that_do_not_fit_are_said(arguments, word):
    with pytest.raises(ValueError, match=word):
        Outcome(*arguments)


def test_collect_follows_the_index_to_the_raw_records(training):
    source = Arrays({"input": torch.randn(20, 4), "target": torch.randint(0, 2, (20,))})
    method, _ = training()
    outcome = collect(method, Loader(source, batch_size=6, shuffle=True), classes=["no", "yes"], source=source)
    assert sorted(outcome.index.tolist()) == list(range(20)) and method.training
    for position in (0, 7, 19):
        assert outcome.record(position)["target"] == outcome.target[position]
        assert torch.equal(method.predict({"input": outcome.record(position)["input"][None]})["output"][0], outcome.output[position])


def test_collect_leaves_out_what_is_masked(training):
    mask = torch.tensor([True, False, True])
    outcome = collect(training()[0], [{"input": torch.randn(3, 4), "target": torch.tensor([0, 1, 1]), "mask": mask}], classes=["a", "b"])
    assert outcome.target.tolist() == [0, 1] and outcome.index is None


def test_collect_says_what_is_missing(training):
    with pytest.raises(ValueError, match="'target'"):
        collect(training()[0], [torch.randn(2, 4)])
    with pytest.raises(ValueError, match="no batch"):
        collect(training()[0], [])
