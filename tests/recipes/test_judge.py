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
    assert found["accuracy"] == pytest.approx(by_hand) and set(found) == {"accuracy", "balanced_accuracy", "log_loss", "auroc"}


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
    for text, message in (("z,a\n1,2\n", "rows.csv row 1 has no label"), ("z,a,y\n1,2,yes\n1,2,maybe\n", "rows.csv row 2: Class 'maybe' was not among")):
        (tmp_path / "rows.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            judge(made, tmp_path / "rows.csv")
    from PIL import Image

    from weft.data import ImageCodec

    for name in ("cat/1.png", "cat/2.png", "dog/3.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / "photos" / name)
    pictures = Bundle({"predict": torch.nn.Flatten()}, ImageCodec(size=2, channels=1, classes=("cat", "cow")))
    with pytest.raises(ValueError, match=r"photos/dog/3\.png: Class 'dog' was not among"):
        judge(pictures, tmp_path / "photos")
    with pytest.raises(FileNotFoundError, match="to evaluate on"):
        judge(made, tmp_path / "gone.csv")


def test_the_source_fits_the_codec(tmp_path, photos):
    from weft.data import ImageCodec, ImageFolder

    assert isinstance(labelled(ImageCodec(size=8), photos), ImageFolder)
    assert scores(ImageCodec(size=8, classes=("a", "b")), torch.eye(2), torch.tensor([0, 1]))["accuracy"] == 1.0


def test_a_run_is_judged_by_no_fewer_metrics_than_it_has(tmp_path, photos):
    """Property: on labelled data of one's own every metric of the run is given but the loss of its training."""
    result = weft.run("image_classification", data=photos, quick=True, progress=False, run=tmp_path / "run")
    assert set(judge(weft.Bundle.open(result.bundle), photos)) >= set(result.metrics) - {"loss"}
