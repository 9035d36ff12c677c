from __future__ import annotations

import pytest
import torch

import weft
from weft.data import TableCodec
from weft.recipes import judge
from weft.recipes.judge import labelled, scores
from weft.serve import Bundle


def bundle(tmp_path, codec, outputs):
    """A bundle whose network is one linear layer with known weights."""
    network = weft.build("mlp", {"in_dim": codec.num_features, "hidden": [], "out_dim": outputs})
    with torch.no_grad():
        network.layers[0].weight.copy_(torch.arange(outputs * codec.num_features).reshape(outputs, -1) / 10)
        network.layers[0].bias.zero_()
    Bundle.save(tmp_path / "b.weft", {"predict": network}, codec=codec)
    return Bundle.open(tmp_path / "b.weft")


ROWS = [{"z": float(i % 5), "a": float(i), "y": "yes" if i % 3 else "no", "v": 10.0 * i} for i in range(20)]


def test_a_classifier_is_measured_by_its_own_answers(tmp_path):
    """Closed form: the accuracy is the share of answers that are right, counted by hand."""
    codec = TableCodec("y").fit([{k: row[k] for k in "zay"} for row in ROWS])
    made = bundle(tmp_path, codec, 2)
    (tmp_path / "rows.csv").write_text("z,a,y\n" + "\n".join(f"{row['z']},{row['a']},{row['y']}" for row in ROWS))
    answers = made.predict([{"z": row["z"], "a": row["a"]} for row in ROWS])
    by_hand = sum(answer["label"] == row["y"] for answer, row in zip(answers, ROWS, strict=True)) / len(ROWS)
    found = judge(made, tmp_path / "rows.csv")
    assert found["accuracy"] == pytest.approx(by_hand) and set(found) == {"accuracy", "log_loss", "auroc"}


def test_a_regression_is_measured_in_its_units(tmp_path):
    """Closed form: the mean absolute error of the answers, counted by hand."""
    codec = TableCodec("v", task="regression").fit([{k: row[k] for k in "zav"} for row in ROWS])
    made = bundle(tmp_path, codec, 1)
    (tmp_path / "rows.csv").write_text("z,a,v\n" + "\n".join(f"{row['z']},{row['a']},{row['v']}" for row in ROWS))
    answers = made.predict([{"z": row["z"], "a": row["a"]} for row in ROWS])
    by_hand = sum(abs(answer["value"] - row["v"]) for answer, row in zip(answers, ROWS, strict=True)) / len(ROWS)
    assert judge(made, tmp_path / "rows.csv")["mae"] == pytest.approx(by_hand, rel=1e-4)


def test_records_that_cannot_be_judged_are_named(tmp_path):
    codec = TableCodec("y").fit([{k: row[k] for k in "zay"} for row in ROWS])
    made = bundle(tmp_path, codec, 2)
    for text, message in (("z,a\n1,2\n", "Record 0 .* has no label"), ("z,a,y\n1,2,maybe\n", "Class 'maybe' was not among")):
        (tmp_path / "rows.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            judge(made, tmp_path / "rows.csv")
    with pytest.raises(FileNotFoundError, match="to evaluate on"):
        judge(made, tmp_path / "gone.csv")


def test_the_source_fits_the_codec(tmp_path, photos):
    from weft.data import ImageCodec, ImageFolder

    assert isinstance(labelled(ImageCodec(size=8), photos), ImageFolder)
    assert scores(ImageCodec(size=8, classes=("a", "b")), torch.eye(2), torch.tensor([0, 1]))["accuracy"] == 1.0
