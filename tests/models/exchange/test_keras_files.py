"""Keras' files as they should not be."""

from __future__ import annotations

import json
import zipfile

import pytest
import torch

from tests.models.exchange.keras_models import keras
from weft.models.exchange import read_keras
from weft.models.exchange.keras_files import checked


def saved(folder, name="m.keras"):
    k = keras()
    k.Sequential([k.Input((3,)), k.layers.Dense(2, name="a"), k.layers.Dense(2, name="b")]).save(folder / name)
    return folder / name


def test_weights_stand_under_the_layers_names(tmp_path):
    """read_keras, closed form: both formats, the same weights, whatever the file calls the layers inside."""
    one, two = saved(tmp_path), tmp_path / "m.h5"
    keras().saving.load_model(one).save(two)
    (config, weights, version), (_, older, _) = read_keras(one), read_keras(two)
    assert config["class_name"] == "Sequential" and version[0] == "3"
    assert list(weights) == ["a", "b"] or set(weights) >= {"a", "b"}
    for name in ("a", "b"):
        assert [tuple(array.shape) for array in checked(weights, name)] == [(3, 2) if name == "a" else (2, 2), (2,)]
        for left, right in zip(weights[name], older[name], strict=True):
            assert torch.equal(left, right)
    with pytest.raises(ValueError, match="no weights for layer 'c'"):
        checked(weights, "c")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_file_that_was_cut_short_is_said_to_be(name, share, tmp_path):
    path = saved(tmp_path, name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=r"is not a whole Keras model|neither a \.keras archive"):
        read_keras(path)


def test_other_files_and_weights_alone_are_told_apart(tmp_path):
    (tmp_path / "t.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"neither a \.keras archive nor an HDF5 file"):
        read_keras(tmp_path / "t.txt")
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"] = [1.0]
    with pytest.raises(ValueError, match="it comes from save_weights"):
        read_keras(tmp_path / "w.h5")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_keras(tmp_path / "none.keras")


def test_what_unpacks_to_too_much_is_not_unpacked(tmp_path):
    """Sizes are checked before unpacking: of the archive's members, and of each array."""
    path = saved(tmp_path)
    with pytest.raises(ValueError, match="at most 100 are read"):
        read_keras(path, max_bytes=100)
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"name": "a", "units": 1}}]}})
        group = file.create_group("model_weights/a")
        group.create_dataset("kernel", shape=(1 << 40, 1), dtype="f4", chunks=(1 << 10, 1), compression="gzip")
        group.attrs["weight_names"] = ["kernel"]
    with pytest.raises(ValueError, match="numbers within"):
        read_keras(tmp_path / "bomb.h5")


@pytest.mark.parametrize("how", ["external", "soft", "outside", "text"])
def test_weights_elsewhere_are_refused(how, tmp_path):
    """Links, files outside and things that are no numbers: refused."""
    h5py = pytest.importorskip("h5py")
    (tmp_path / "raw.bin").write_bytes(b"\0" * 64)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["kernel"] = [[1.0]]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {"name": "a", "units": 1}}]}})
        group = file.create_group("model_weights/a")
        group.attrs["weight_names"] = ["kernel"]
        if how == "external":
            group["kernel"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/kernel")
        elif how == "soft":
            group["kernel"] = h5py.SoftLink("/elsewhere")
        elif how == "outside":
            group.create_dataset("kernel", shape=(4, 4), dtype="f4", external=[(str(tmp_path / "raw.bin"), 0, 64)])
        else:
            group["kernel"] = ["text"]
    with pytest.raises(ValueError, match=r"link to somewhere else|no array of the file itself|numbers within"):
        read_keras(tmp_path / "m.h5")


def test_a_configuration_that_is_no_json(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{")
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(ValueError, match="is not a whole Keras model"):
        read_keras(tmp_path / "m.keras")
