"""The table codec: scales and categories from training data only."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import torch

from weft.data import TableCodec, stack

ROWS = [
    {"age": 20, "city": "Rome", "income": 10.0, "y": "no"},
    {"age": 30, "city": "Oslo", "income": None, "y": "yes"},
    {"age": 40, "city": "Rome", "income": 40.0, "y": "no"},
    {"age": 50, "city": None, "income": 20.0, "y": "yes"},
]


def test_numbers_equal_scikit_learn():
    """Parity: TableCodec against StandardScaler, SimpleImputer with indicator and OneHotEncoder."""
    pytest.importorskip("sklearn")
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 3)) * [1, 10, 100] + [0, 5, 50]
    gaps = rng.random(50) < 0.3
    rows = [{"a": a, "b": None if gap else b, "c": c, "y": i % 2} for i, ((a, b, c), gap) in enumerate(zip(table.tolist(), gaps, strict=True))]
    codec = TableCodec(target="y").fit(rows)
    ours = stack([codec.encode(row) for row in rows])["input"].numpy()
    assert codec.features == ("a", "b", "b is missing", "c")
    assert np.allclose(ours[:, [0, 3]], StandardScaler().fit_transform(table[:, [0, 2]]), atol=1e-5)
    with_gaps = np.where(gaps, np.nan, table[:, 1])[:, None]
    filled = SimpleImputer(strategy="median").fit_transform(with_gaps)
    present = StandardScaler().fit(with_gaps[~gaps])
    assert np.allclose(ours[:, [1]], present.transform(filled), atol=1e-5)
    assert np.array_equal(ours[:, 2], gaps)


def test_categories_are_one_hot_and_missing_is_marked():
    codec = TableCodec(target="y").fit(ROWS)
    assert codec.features == ("age", "city=Oslo", "city=Rome", "city is missing", "income", "income is missing")
    encoded = codec.encode(ROWS[3])
    assert encoded["input"][1:4].tolist() == [0, 0, 1] and encoded["target"].item() == 1
    assert codec.encode(ROWS[1])["input"][4:].tolist() == [pytest.approx((20 - 70 / 3) / np.std([10, 40, 20])), 1.0]
    assert codec.num_features == len(encoded["input"]) == 6 and codec.num_classes == 2


def test_an_unseen_category_follows_the_chosen_policy():
    row = ROWS[0] | {"city": "Room"}
    with pytest.raises(ValueError, match=r"'city' has 'Room', which training never had. Did you mean 'Rome'"):
        TableCodec(target="y").fit(ROWS).encode(row)
    assert TableCodec(target="y", unseen="ignore").fit(ROWS).encode(row)["input"][1:4].tolist() == [0, 0, 0]


def test_a_value_missing_where_training_was_complete_follows_the_chosen_policy():
    row = ROWS[0] | {"age": None}
    with pytest.raises(ValueError, match="'age' is missing; it never was in training"):
        TableCodec(target="y").fit(ROWS).encode(row)
    assert TableCodec(target="y", missing="ignore").fit(ROWS).encode(row)["input"][0] == 0  # the median is the mean here
    with pytest.raises(ValueError, match=r"no column 'city', which training had. Did you mean 'citi'"):
        TableCodec(target="y").fit(ROWS).encode({"age": 1, "citi": "Rome", "income": 2})


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), "12 years", [1]])
def test_what_is_no_number_is_named(value):
    with pytest.raises(ValueError, match=r"Column 'age' holds .*; expected a (finite )?number"):
        TableCodec(target="y").fit(ROWS).encode(ROWS[0] | {"age": value})


def test_text_that_is_a_number_and_nan_are_understood():
    codec = TableCodec(target="y").fit(ROWS)
    assert torch.equal(codec.encode(ROWS[0] | {"age": "20"})["input"], codec.encode(ROWS[0])["input"])
    assert torch.equal(codec.encode(ROWS[0] | {"income": float("nan")})["input"], codec.encode(ROWS[0] | {"income": None})["input"])


def test_an_absent_or_missing_target_is_named():
    with pytest.raises(ValueError, match=r"no column 'z'"):
        TableCodec(target="z").fit(ROWS)
    with pytest.raises(ValueError, match=r"'y' is missing in 1 rows, the first is row 2"):
        TableCodec(target="y").fit([*ROWS[:2], ROWS[2] | {"y": None}])
    codec = TableCodec(target="y").fit(ROWS)
    assert "target" not in codec.encode({k: v for k, v in ROWS[0].items() if k != "y"})
    with pytest.raises(ValueError, match="'maybe' was not among the training classes"):
        codec.encode(ROWS[0] | {"y": "maybe"})
    with pytest.raises(ValueError, match="at least two"):
        TableCodec(target="y").fit(ROWS[::2])


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 2], "classification"),
        ([0.5, 1.0], "regression"),
        (range(30), "regression"),
    ],
)
def test_the_task_is_guessed_and_can_be_said(targets, task):
    rows = [{"x": i, "y": y} for i, y in enumerate(targets)]
    assert TableCodec(target="y").fit(rows).task == task
    if not isinstance(targets[0], (str, bool)):
        assert TableCodec(target="y", task="regression").fit(rows).task == "regression"
        assert TableCodec(target="y", task="classification").fit(rows).num_classes == len(targets)


def test_a_regression_decodes_to_original_units():
    rows = [{"x": i, "y": 100.0 + 7.5 * i} for i in range(40)]
    codec = TableCodec(target="y").fit(rows)
    targets = stack([codec.encode(row) for row in rows])["target"]
    assert targets.shape == (40,) and targets.dtype == torch.float32
    assert abs(targets.mean()) < 1e-5 and abs(targets.std(correction=0) - 1) < 1e-5
    for output in (targets, targets[:, None]):
        assert [r["value"] for r in codec.decode({"output": output})] == pytest.approx([row["y"] for row in rows], rel=1e-5)
    with pytest.raises(ValueError, match=r"expected \(B,\) or \(B, 1\)"):
        codec.decode({"output": torch.zeros(2, 2)})


def test_identifiers_and_constants_are_left_out_aloud():
    rows = [{"id": f"person {i}", "same": 1, "empty": None, "x": i, "y": i % 2} for i in range(50)]
    with pytest.warns(UserWarning, match="'id' is left out: 50 different values"):
        codec = TableCodec(target="y").fit(rows)
    assert codec.features == ("x",) and {codec.columns[n]["kind"] for n in ("id", "same", "empty")} == {"ignored"}
    assert codec.encode({"x": 3})["input"].shape == (1,) and codec.schema()["required"] == ["x"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="No column besides"):
            TableCodec(target="y").fit([{"same": 1, "y": i % 2} for i in range(4)])


def test_a_number_can_be_a_category():
    rows = [{"deck": i % 3, "y": i % 2} for i in range(12)]
    codec = TableCodec(target="y", categorical=["deck"]).fit(rows)
    assert codec.features == ("deck=0", "deck=1", "deck=2")
    assert torch.equal(codec.encode({"deck": 2.0})["input"], torch.tensor([0.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match="Did you mean 'deck'"):
        TableCodec(target="y", categorical=["dek"]).fit(rows)


def test_a_codec_that_was_not_fitted_says_so():
    with pytest.raises(ValueError, match="not been fitted"):
        TableCodec(target="y").encode(ROWS[0])
    with pytest.raises(ValueError, match="'stop' or 'ignore'"):
        TableCodec(target="y", unseen="guess")


def test_a_codec_means_the_same_after_json_has_reordered_its_columns():
    rows = [{"z": 1.0, "a": 2.0, "y": "no"}, {"z": 3.0, "a": 8.0, "y": "yes"}]
    codec = TableCodec("y").fit(rows)
    again = TableCodec(**json.loads(json.dumps(codec.spec()["args"], sort_keys=True)))
    assert again.features == codec.features
    assert torch.equal(again.encode(rows[0])["input"], codec.encode(rows[0])["input"])
