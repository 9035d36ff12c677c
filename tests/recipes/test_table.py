from __future__ import annotations

import statistics

import pytest

import weft
from tests.recipes.material import rows, write_csv


def test_a_classification_learns_and_is_packed(tmp_path, customers):
    """Contract: the table recipe goes from a CSV file to a bundle that answers a row."""
    with pytest.warns(UserWarning, match="'id' is left out"):
        result = weft.run("table", data=customers, target="buys", epochs=15, run=tmp_path / "run", progress=False)
    assert result.metrics["accuracy"] > 0.85 and result.metrics["auroc"] > 0.9
    answers = weft.Bundle.open(result.bundle).predict([{"zone": 0.5, "age": 75, "city": "Oslo", "price": 200.0, "id": "x"}, {"zone": 0.5, "age": 20, "city": "Lima", "price": 10.0, "id": "y"}])
    assert [answer["label"] for answer in answers] == ["yes", "no"]


def test_a_regression_is_measured_in_the_units_of_its_target(tmp_path):
    """Contract: the table recipe's errors and its bundle's answers are in the target's units."""
    data = write_csv(tmp_path / "prices.csv", [{k: row[k] for k in ("zone", "age", "city", "price")} for row in rows(300)])
    result = weft.run("table", data=data, target="price", epochs=40, run=tmp_path / "run", progress=False)
    assert result.metrics["r2"] > 0.8 and 1 < result.metrics["mae"] < 25
    (answer,) = weft.Bundle.open(result.bundle).predict([{"zone": 0.5, "age": 50, "city": "Rome"}])
    assert answer["value"] == pytest.approx(100, abs=25)
    judged = weft.recipes.judge(weft.Bundle.open(result.bundle), data)
    assert judged["r2"] == pytest.approx(result.metrics["r2"], abs=0.15), "the bundle must know its columns by name"


def test_parquet_is_read_like_csv(tmp_path, customers):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    parquet.write_table(pyarrow.Table.from_pylist(rows()), tmp_path / "rows.parquet")
    made = [weft.run("table", data=data, target="buys", epochs=2, run=tmp_path / data.suffix[1:], progress=False) for data in (customers, tmp_path / "rows.parquet")]
    assert set(made[0].metrics) == set(made[1].metrics)


@pytest.mark.parametrize(
    ("change", "parameters", "message"),
    [
        (lambda row: row, {"target": "buy"}, "no column 'buy'.*'buys'"),
        (lambda row: row | {"buys": "yes"}, {"target": "buys"}, "at least two"),
        (lambda row: row | {"buys": "" if row["age"] == 20 else row["buys"]}, {"target": "buys"}, "target 'buys' is missing in"),
        (lambda row: row | {"price": "inf" if row["age"] == 20 else row["price"]}, {"target": "buys"}, "finite"),
        (lambda row: {"buys": row["buys"], "id": row["id"]}, {"target": "buys"}, "says anything"),
        (lambda row: row, {"target": "buys", "test": 0.0}, "part 'test' of the data holds no records"),
    ],
)
def test_a_bad_table_is_refused_and_leaves_nothing(tmp_path, change, parameters, message):
    data = write_csv(tmp_path / "rows.csv", [change(row) for row in rows()])
    with pytest.raises(ValueError, match=message):
        weft.run("table", data=data, run=tmp_path / "run", progress=False, **parameters)
    assert not (tmp_path / "run").exists()


def test_an_unseen_category_and_a_gap_are_named_when_asked(tmp_path, customers):
    strict = weft.recipes.opened(weft.run("table", data=customers, target="buys", epochs=1, run=tmp_path / "a", progress=False).run)
    row = {"zone": 0.5, "age": 50, "city": "Cairo", "price": 100.0}
    with pytest.raises(ValueError, match="'Cairo', which training never had"):
        strict.predict([row])
    with pytest.raises(ValueError, match="'age' is missing"):
        strict.predict([row | {"city": "Oslo", "age": float("nan")}])
    lenient = weft.recipes.opened(weft.run("table", data=customers, target="buys", epochs=1, unseen="ignore", run=tmp_path / "b", progress=False).run)
    assert lenient.predict([row])[0]["label"] in ("yes", "no")


def test_excluded_columns_are_neither_learned_nor_asked_for(tmp_path, customers):
    """Property: without the columns that decide it, the answer cannot be learned; a record without them is answered."""
    result = weft.run("table", data=customers, target="buys", exclude="price,age,id", epochs=5, run=tmp_path / "run", progress=False)
    bundle = weft.Bundle.open(result.bundle)
    assert set(bundle.codec.schema()["properties"]) == {"zone", "city"} and bundle.codec.exclude == ("price", "age", "id")
    assert bundle.predict([{"zone": 0.5, "city": "Oslo"}])[0]["label"] in ("yes", "no")
    with pytest.raises(ValueError, match=r"no column 'prize'\. Did you mean 'price'"):
        weft.run("table", data=customers, target="buys", exclude="prize", run=tmp_path / "a", progress=False)
    with pytest.raises(ValueError, match="'buys' is the target"):
        weft.run("table", data=customers, target="buys", exclude="buys", run=tmp_path / "b", progress=False)


def test_equal_keys_stay_on_one_side(tmp_path):
    from weft.data import Table, TableCodec
    from weft.recipes.table import shares_of

    data = write_csv(tmp_path / "rows.csv", [row | {"shop": f"shop {i % 40}"} for i, row in enumerate(rows())])
    parts = shares_of(Table(data), TableCodec("buys", task="classification"), test=0.2, validation=0.1, split=0, key="shop")
    shops = [{part[i]["shop"] for i in range(len(part))} for part in parts.values()]
    assert not (shops[0] & shops[1] or shops[0] & shops[2] or shops[1] & shops[2])


@pytest.mark.slow
def test_breast_cancer_is_told_as_well_as_by_logistic_regression(tmp_path):
    """Learned: the breast_cancer recipe's AUROC is within 0.005 of scikit-learn's logistic regression or better, mean of 5 seeds and splits."""
    linear_model, metrics = pytest.importorskip("sklearn.linear_model"), pytest.importorskip("sklearn.metrics")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from weft.data import TableCodec, breast_cancer
    from weft.recipes.table import shares_of

    def arrays(*parts):
        records = [part[i] for part in parts for i in range(len(part))]
        return [[v for k, v in row.items() if k != "diagnosis"] for row in records], [row["diagnosis"] == "malignant" for row in records]

    ours, theirs = [], []
    for seed in range(5):
        parts = shares_of(breast_cancer(), TableCodec("diagnosis", task="classification"), test=0.2, validation=0.1, split=seed)
        model = make_pipeline(StandardScaler(), linear_model.LogisticRegression(max_iter=1000)).fit(*arrays(parts["train"], parts["val"]))
        x, y = arrays(parts["test"])
        theirs.append(metrics.roc_auc_score(y, model.predict_proba(x)[:, 1]))
        ours.append(weft.run("breast_cancer", seed=seed, split=seed, run=tmp_path / str(seed), progress=False).metrics["auroc"])
    assert statistics.mean(ours) >= statistics.mean(theirs) - 0.005


def test_breast_cancer_runs_quickly(tmp_path):
    """Contract: the breast_cancer recipe ends with an AUROC."""
    pytest.importorskip("sklearn")
    assert "auroc" in weft.run("breast_cancer", quick=True, run=tmp_path / "run", progress=False).metrics
