from __future__ import annotations

import pytest

import weft
from weft.data import ImageFolder
from weft.recipes.image_classification import guess


def test_a_folder_of_pictures_becomes_a_classifier(tmp_path, photos):
    """Contract: the image_classification recipe learns real pictures of a folder and its bundle names them."""
    result = weft.run("image_classification", data=photos, flip=False, epochs=6, balance=True, run=tmp_path / "run", progress=False, model={"name": "simple_cnn", "args": {"width": 16}})
    assert result.metrics["accuracy"] > 0.5 and "balanced_accuracy" in result.metrics
    files = sorted((photos / "one").iterdir())
    answers = weft.Bundle.open(result.bundle).predict([{"image": file} for file in files])
    assert sum(answer["label"] == "one" for answer in answers) > len(files) / 2
    html = result.report.read_text()
    assert "Confusion matrix" in html and "Worst mistakes" in html and "data:image/png" in html


def test_size_and_colour_are_guessed_from_the_pictures(photos):
    assert guess(ImageFolder(photos)) == (32, 1)


def test_arguments_go_to_the_network_that_the_recipe_chooses_and_spec_report_and_card_name_it(tmp_path, photos):
    """Contract: model.width without model= widens the default network; what the data decided stands where it is read."""
    result = weft.run("image_classification", data=photos, quick=True, run=tmp_path / "run", progress=False, **{"model.width": 8})
    bundle = weft.Bundle.open(result.bundle)
    assert weft.spec_of(bundle.networks["predict"])["args"]["width"] == 8
    asked = weft.Run.open(result.run, read_only=True).spec["args"]
    assert asked["size"] == 32 and asked["model"] == {"name": "simple_cnn", "args": {"width": 8}}
    assert "| size | 32 |" in bundle.card and "| model | simple_cnn(width=8) |" in bundle.card
    report = result.report.read_text()
    assert "size=32" in report and "null" not in report
    again = weft.run("image_classification", **{**asked, "run": tmp_path / "again", "progress": False})
    assert again.metrics == result.metrics


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": "resnet_18"}, "Unknown name 'resnet_18'.*'resnet18'"),
        ({"unreadable": "ignore"}, "unreadable=ignore: expected one of stop, skip"),
        ({"test": 0.95}, "positive and sum to 1"),
        ({"model.wdith": 3}, "no argument 'wdith'.*'width'"),
        ({"model": "simple_cnn", "model.wdith": 3}, "no argument 'wdith'.*'width'"),
    ],
)
def test_a_wrong_parameter_is_refused_and_leaves_nothing(tmp_path, photos, parameters, message):
    with pytest.raises((ValueError, TypeError), match=message):
        weft.run("image_classification", data=photos, run=tmp_path / "run", **parameters)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_as_expected_is_refused(tmp_path, photos):
    (tmp_path / "empty").mkdir()
    single = tmp_path / "single" / "cat"
    single.mkdir(parents=True)
    (single / "1.png").write_bytes(next((photos / "one").iterdir()).read_bytes())
    for folder, message in (("missing", "no folder"), ("empty", "holds no pictures"), ("single", "single class 'cat'")):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            weft.run("image_classification", data=tmp_path / folder, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("augment", ["none", "light", "rand_augment", "trivial_augment"])
def test_training_pictures_are_changed_as_asked_and_no_others(photos, augment):
    """Contract: augment= changes pictures of training anew each epoch, within [0, 1] before normalisation, and leaves none untouched by chance only."""
    from weft.data import ImageCodec, Loader
    from weft.recipes.image_classification import augmentation

    source = ImageFolder(photos)
    codec = ImageCodec(size=28, channels=1).fit(source)
    made = augmentation(augment, codec, flip=False, crop=True)
    loader = Loader(source, codec, 64, transforms=made)
    plain = next(iter(Loader(source, codec, 64)))["input"]
    first = next(iter(loader))["input"]
    loader.set_epoch(1)
    second = next(iter(loader))["input"]
    same = [(a == b).flatten(1).all(1).float().mean().item() for a, b in ((plain, first), (first, second))]
    assert same == [1, 1] if augment == "none" else max(same) < 0.2
    pixels = first * codec.std[0] + codec.mean[0]
    assert pixels.min() > -1e-5 and pixels.max() < 1 + 1e-5
    assert len(augmentation(augment, codec, flip=True, crop=False)) == {"none": 0, "light": 1}.get(augment, 2)


def test_augment_reaches_the_run_and_a_wrong_one_is_refused(tmp_path, photos):
    result = weft.run("image_classification", data=photos, augment="rand_augment", flip=False, quick=True, run=tmp_path / "run", progress=False)
    assert '"rand_augment"' in (result.run / "spec.json").read_text()
    with pytest.raises(ValueError, match="augment=strong: expected one of none, light, rand_augment, trivial_augment"):
        weft.run("image_classification", data=photos, augment="strong", run=tmp_path / "no")


def test_folders_train_and_test_are_no_classes(tmp_path, photos):
    """Contract: photos/train/one/1.png and photos/test/one/2.png are parts of the data with the classes below them."""
    for name in ("one", "two"):
        for i, file in enumerate(sorted((photos / name).iterdir())[:24]):
            copy = tmp_path / "data" / ("test" if i < 8 else "train") / name / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    result = weft.run("image_classification", data=tmp_path / "data", quick=True, run=tmp_path / "run", progress=False)
    assert weft.Bundle.open(result.bundle).codec.classes == ("one", "two")
