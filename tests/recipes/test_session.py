from __future__ import annotations

import pytest
import torch

import weft
from weft.data import Arrays
from weft.recipes import Result, Session, Settings
from weft.recipes.session import BY_HEART, QUICK, reserve, told


def session(**settings):
    return Session({"name": "trial", "args": {}}, Settings(**settings))


def parts(count=100):
    return {"train": Arrays({"input": torch.arange(count).float()}), "test": Arrays({"input": torch.arange(count, count + 40).float()})}


def test_quick_reads_two_batches_of_everything():
    train, test = session(quick=True).loaders(parts(), None, 8)
    assert len(train) == len(test) == QUICK
    assert float(next(iter(test))["input"].min()) >= 100


def test_overfit_reads_the_same_batch_everywhere_and_leaves_it_as_it_is():
    loaders = session(overfit=1).loaders(parts(), None, 8, transforms=[lambda batch, random: batch | {"input": batch["input"] + 1000}])
    assert [len(loader) for loader in loaders] == [1, 1]
    train, test = (next(iter(loader))["input"] for loader in loaders)
    assert torch.equal(train, test) and float(train.max()) < 100


def test_overfit_keeps_what_the_method_cannot_learn_without():
    always = [lambda batch, random: batch | {"view": -batch["input"]}]
    train, test = session(overfit=1).loaders(parts(), None, 8, transforms=[lambda batch, random: batch | {"input": batch["input"] + 1000}], always=always)
    batch = next(iter(train))
    assert torch.equal(batch["view"], -batch["input"]) and float(batch["input"].max()) < 100 and "view" not in next(iter(test))


def test_limit_takes_a_share_that_the_seed_chooses():
    def kept(seed):
        train, test = session(limit=0.1, seed=seed).loaders(parts(), None, 50)
        assert (len(train.source), len(test.source)) == (10, 4)
        return sorted(next(iter(train))["input"].tolist())

    assert kept(0) == kept(0) != kept(1)


def test_records_that_cannot_be_encoded_leave_no_directory(tmp_path, photos):
    broken = tmp_path / "photos"
    for name in ("a", "b"):
        (broken / name).mkdir(parents=True)
        for i in range(12):
            (broken / name / f"{i}.png").write_bytes(next((photos / "one").iterdir()).read_bytes())
    (broken / "a" / "3.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"3\.png"):
        weft.run("image_classification", data=broken, run=tmp_path / "run", size=16)
    assert not (tmp_path / "run").exists()
    skipped = weft.run("image_classification", data=broken, run=tmp_path / "run", size=16, unreadable="skip", quick=True, progress=False)
    assert "accuracy" in skipped.metrics


def test_a_failure_in_training_removes_a_directory_without_results(tmp_path, own):
    own.write_text(own.read_text().replace('batch["target"]))', 'batch["target"]) / 0)'))
    with pytest.raises(ArithmeticError, match="non-finite"):
        weft.run(f"{own}:train", run=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_two_runs_never_take_the_same_directory(tmp_path):
    assert [reserve(tmp_path / "runs" / "digits").name for _ in range(3)] == ["digits-1", "digits-2", "digits-3"]


def test_overfit_learns_a_batch_by_heart(tmp_path, own):
    result = weft.run(f"{own}:train", overfit=1, run=tmp_path / "run", progress=False)
    assert result.metrics["loss"] < 0.1
    assert weft.Run.open(result.run, read_only=True).finished("second")["step"] == BY_HEART


def test_a_result_says_where_everything_is(tmp_path, own):
    result = weft.run(f"{own}:train", run=tmp_path / "run", progress=False)
    assert result.bundle.is_file() and result.report.is_file() and str(result.run) in str(result)
    assert Result.read(result.run).metrics == result.metrics
    card = weft.Bundle.open(result.bundle, own=weft.recipes.find(str(own)).own_classes()).card
    assert "hidden | 8" in card


def test_a_card_tells_strangers_nothing_of_this_machine_and_nothing_unused(tmp_path, customers):
    """Property: of the data's path only the last part; a parameter that is None is left out, a chosen part reads as a call."""
    result = weft.run("table", data=customers, target="buys", quick=True, progress=False, run=tmp_path / "run", **{"model.hidden": "8,8"})
    card = weft.Bundle.open(result.bundle).card
    assert f"| data | {customers.name} |" in card and f"on {customers.name}." in card and str(customers.parent) not in card
    assert "None" not in card and "| key |" not in card and "| model | mlp(hidden=[8, 8]) |" in card
    assert told({"name": "gpt", "args": {"weights": str(customers), "missing": "/no/such/file"}}) == f"gpt(weights={customers.name}, missing=/no/such/file)"


def test_numbers_stand_beside_the_metrics(tmp_path, own):
    """Property: a number among the metrics is in result and bundle as it is, beside those that are measured."""
    own.write_text(own.read_text().replace("state.best(), held_out)", 'state.best(), held_out, {"accuracy": Accuracy(), "accuracy_alone": 0.25})\n\nfrom weft.metrics import Accuracy'))
    result = weft.run(f"{own}:train", run=tmp_path / "run", progress=False)
    assert result.metrics["accuracy_alone"] == Result.read(result.run).metrics["accuracy_alone"] == 0.25
    assert set(result.metrics) == {"loss", "accuracy", "accuracy_alone"}
