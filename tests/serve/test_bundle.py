"""Contract and hostile input: a bundle gives back what was saved, or says why it does not."""

from __future__ import annotations

import os
import pickle
import random
import zipfile

import pytest
import torch
from torch import nn

from tests.serve.conftest import OWN, RECORDS, Rows, Scorer, Tied, change_spec, repack, scorer
from weft.catalogue.entries import entries
from weft.catalogue.spec import build, own
from weft.serve.archive import BundleError
from weft.serve.bundle import BUILDS, Bundle
from weft.serve.values import Values


def test_round_trip_answers_as_the_network_did(saved):
    """Contract: opened weights are bit for bit those that were saved, and predictions equal the network's own."""
    opened = Bundle.open(saved, own=OWN)
    network = scorer()
    for name, value in network.state_dict().items():
        assert torch.equal(opened.networks["predict"].state_dict()[name], value)
    expected = network(torch.tensor([[r["height"], r["weight"]] for r in RECORDS])).softmax(-1)
    for answer, row in zip(opened.predict(RECORDS, batch_size=3), expected, strict=True):
        assert list(answer["scores"].values()) == pytest.approx(row.tolist(), abs=1e-6)
    assert opened.metrics == {"val/accuracy": 0.9}
    assert "val/accuracy" in opened.card and opened.codec == Rows()
    assert not opened.networks["predict"].training
    assert not any(p.requires_grad for p in opened.networks["predict"].parameters())


def test_a_label_in_the_record_is_not_given_to_the_network(bundle):
    assert bundle.predict([{**RECORDS[0], "label": "a"}]) == bundle.predict(RECORDS[:1])


def test_every_one_of_200_corrupted_copies_is_refused(saved, tmp_path):
    """Contract: flipped bits, swapped bytes, cuts, insertions and repeats anywhere in the file; none is opened."""
    good, chance, copy = saved.read_bytes(), random.Random(0), tmp_path / "copy.weft"
    opened = []
    for number in range(200):
        data, at = bytearray(good), chance.randrange(len(good))
        kind = ("flip", "cut", "swap", "insert", "zero")[number % 5]
        if kind == "flip":
            data[at] ^= 1 << chance.randrange(8)
        elif kind == "cut":
            del data[at : at + chance.choice([1, 100, len(good)])]
        elif kind == "swap":
            other = next(i for i in (chance.randrange(len(good)) for _ in range(1000)) if good[i] != good[at])
            data[at], data[other] = data[other], data[at]
        elif kind == "insert":
            data[at:at] = bytes([chance.randrange(256)])
        else:
            data[at] = 0 if data[at] else 255
        copy.write_bytes(data)
        try:
            Bundle.open(copy, own=OWN)
        except BundleError:
            continue
        opened.append((number, kind, at))
    assert opened == []


def test_cut_at_any_place_is_refused(saved, tmp_path):
    good, copy = saved.read_bytes(), tmp_path / "copy.weft"
    for length in [0, 1, 29, 30, 50, *range(100, len(good), 97), len(good) - 1]:
        copy.write_bytes(good[:length])
        with pytest.raises(BundleError):
            Bundle.open(copy, own=OWN)


class Trap:
    """A pickle of this leaves a file behind when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_is_refused_without_running(saved, tmp_path):
    """Hostile input: a pickle alone, beside the members, in the place of one, and as torch.save writes it; the trap never springs."""
    sprung, evil = tmp_path / "sprung", tmp_path / "evil.weft"
    trap = pickle.dumps(Trap(sprung))
    evil.write_bytes(trap)
    with pytest.raises(BundleError, match="pickle"):
        Bundle.open(evil, own=OWN)
    torch.save(Trap(sprung), evil)
    with pytest.raises(BundleError, match="may be a pickle"):
        Bundle.open(evil, own=OWN)
    evil.write_bytes(saved.read_bytes())
    with zipfile.ZipFile(evil, "a") as target:
        target.writestr("weights.pkl", trap)
    with pytest.raises(BundleError, match=r"'weights.pkl', which may be a pickle"):
        Bundle.open(evil, own=OWN)
    evil.unlink()
    with pytest.raises(BundleError, match="not valid safetensors"):
        Bundle.open(repack(saved, evil, lambda _, members: members.update({"predict.safetensors": trap})), own=OWN)
    assert not sprung.exists()
    pickle.loads(trap)  # the trap works, so the lines above could have failed
    assert sprung.exists()


def test_an_idle_member_a_missing_one_and_broken_json_are_refused(saved, tmp_path):
    with pytest.raises(BundleError, match=r"more_things\.safetensors.*nothing in it uses"):
        Bundle.open(repack(saved, tmp_path / "1", lambda _, m: m.update({"more_things.safetensors": b"x"})), own=OWN)
    with pytest.raises(BundleError, match=r"lacks card\.md"):
        Bundle.open(repack(saved, tmp_path / "2", lambda _, m: m.pop("card.md")), own=OWN)
    for number, text in enumerate([b"{", b"[]", b"[" * 200_000, b"\xff", b'{"networks": {}}', b'{"codec":null,"codecs":{},"networks":{"predict":3},"precision":"float32"}']):
        with pytest.raises(BundleError):
            Bundle.open(repack(saved, tmp_path / f"json{number}", lambda _, m, text=text: m.update({"spec.json": text})), own=OWN)


def test_nothing_is_imported_by_a_name_in_the_file(saved):
    with pytest.raises(ValueError, match="by a name read from a file"):
        Bundle.open(saved)


def test_a_spec_cannot_make_what_touches_files(saved, tmp_path):
    """Hostile input: the catalogue's losses, metrics, sources and listeners are no part of a bundle."""
    for kind in {entry.kind for entry in entries()} - set(BUILDS):
        name = next(f"{kind}/{entry.name}" for entry in entries() if entry.kind == kind)
        for number, spec in enumerate([{"name": name, "args": {}}, {"own": next(iter(OWN)), "args": {"hidden": {"name": name, "args": {}}}}]):
            evil = change_spec(saved, tmp_path / f"{kind}{number}", lambda s, spec=spec: s["networks"]["predict"].update(spec=spec))
            with pytest.raises(BundleError, match="opening one makes only"):
                Bundle.open(evil, own=OWN)


def test_a_wrong_shape_says_what_came_and_what_is_wanted(tmp_path):
    path = Bundle.save(tmp_path / "m", {"predict": own(Scorer, {"hidden": 4})})
    with pytest.raises(ValueError, match=r"Scorer cannot predict from a batch of shapes \{'input': \(1, 3\)\}; its first weight is first.weight \(4, 2\)"):
        Bundle.open(path, own=OWN).predict([{"input": [1.0, 2.0, 3.0]}])
    with pytest.raises(ValueError, match=r"shapes are .* and "):
        Bundle.open(path, own=OWN).predict([{"input": [1.0, 2.0]}, {"input": [1.0]}])


def test_a_bad_record_is_named(bundle):
    with pytest.raises(ValueError, match=r"Record 2: unknown column 'hight'"):
        bundle.predict([*RECORDS[:2], {"hight": 1, "weight": 2}])
    with pytest.raises(ValueError, match="Record 0: the field 'weight' is missing"):
        bundle.predict([{"height": 1}])
    with pytest.raises(TypeError, match=r"Write \[record\]"):
        bundle.predict(RECORDS[0])
    with pytest.raises(ValueError, match="cannot embed; it can predict"):
        bundle.embed(RECORDS)
    assert bundle.predict([]) == []


def test_saving_is_whole_or_not_at_all(tmp_path, monkeypatch):
    """Contract: an existing file is kept unless asked; a write that fails leaves the old bundle and no crumbs."""
    path = Bundle.save(tmp_path / "m.weft", {"predict": scorer()}, codec=own(Rows))
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="replace=True"):
        Bundle.save(path, {"predict": scorer(16)}, codec=own(Rows))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Bundle.save(path, {"predict": scorer(16)}, codec=own(Rows), replace=True)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    monkeypatch.undo()
    Bundle.save(path, {"predict": scorer(16)}, codec=own(Rows), replace=True)
    assert Bundle.open(path, own=OWN).networks["predict"].first.out_features == 16
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Bundle.save(tmp_path / "nowhere" / "m.weft", {"predict": scorer()})
    with pytest.raises(BundleError, match="is a directory"):
        Bundle.save(tmp_path, {"predict": scorer()})


def test_what_cannot_be_bundled_is_said_before_anything_is_written(tmp_path):
    path = tmp_path / "m.weft"
    with pytest.raises(TypeError, match="does not say how it was made"):
        Bundle.save(path, {"predict": nn.Linear(1, 1)})
    for wrong in ({}, {"Predict": scorer()}, {"health": scorer()}, {"../x": scorer()}, {"predict": 3}):
        with pytest.raises((BundleError, TypeError)):
            Bundle.save(path, wrong, spec={verb: {"own": "x:Y", "args": {}} for verb in wrong})
    with pytest.raises(BundleError, match="none of float32"):
        Bundle.save(path, {"predict": scorer()}, precision="int3")
    with pytest.raises(BundleError, match="each verb needs both"):
        Bundle.save(path, {"predict": scorer()}, spec={"embed": {}})
    with pytest.raises(BundleError, match="not JSON"):
        Bundle.save(path, {"predict": scorer()}, spec={"predict": {"own": "x:Y", "args": {"f": print}}})
    with pytest.raises(BundleError, match="expected one number"):
        Bundle.save(path, {"predict": scorer()}, metrics={"loss": "low"})
    with pytest.raises(BundleError, match="without a shape yet"):
        Bundle.save(path, {"predict": nn.LazyLinear(3)}, spec={"predict": {"own": "x:Y", "args": {}}})
    assert list(tmp_path.iterdir()) == []


def test_the_network_gets_the_mask_when_its_forward_names_one(tmp_path):
    class Padded(Rows):
        def encode(self, record):
            return {"input": torch.tensor(record["tokens"]), "mask": torch.tensor([1.0, 0.0])}

        def decode(self, prediction):
            return [{"sum": float(row.sum())} for row in prediction["output"]]

    network = own(Tied)
    bundle = Bundle({"predict": network.eval()}, Padded())
    masked = network(torch.tensor([[1, 2]]), torch.tensor([[1.0, 0.0]]))["output"].sum()
    assert bundle.predict([{"tokens": [1, 2]}])[0]["sum"] == pytest.approx(masked.item())


def test_a_network_from_the_catalogue_needs_no_class(tmp_path):
    network = build("swiglu", {"dim": 4, "hidden": 8})
    bundle = Bundle.open(Bundle.save(tmp_path / "m", {"predict": network}))
    (answer,) = bundle.predict([{"input": [[1.0, 2.0, 3.0, 4.0]]}])
    assert answer["output"][0] == pytest.approx(network(torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]))[0, 0].tolist(), abs=1e-6)


def test_a_spec_that_makes_another_network_is_found_when_saving(tmp_path):
    with pytest.raises(BundleError, match="do not fit"):
        Bundle.save(tmp_path / "m", {"predict": build("swiglu", {"dim": 4, "hidden": 8})}, spec={"predict": {"name": "swiglu", "args": {"dim": 4, "hidden": 6}}})
    assert list(tmp_path.iterdir()) == []


class Pair(nn.Module):
    """Mean and spread, as an encoder gives them."""

    def forward(self, x):
        return x.mean(1, keepdim=True), x


def test_further_outputs_have_names():
    """Contract: a tuple is output, output_1, and so on; embed and act name the first after themselves."""
    bundle = Bundle({"predict": Pair(), "embed": Pair(), "act": Pair()}, Values())
    assert bundle.predict([{"input": [1.0, 3.0]}]) == [{"output": [2.0], "output_1": [1.0, 3.0]}]
    assert bundle.embed([{"input": [1.0, 3.0]}]) == [{"embedding": [2.0], "output_1": [1.0, 3.0]}]
    assert bundle.ask("act", [{"input": [1.0, 3.0]}])[0]["action"] == [2.0]


ROWS = [{"age": 20 + i, "city": ("Rome", "Oslo")[i % 2], "buys": ("no", "yes")[i // 4]} for i in range(8)]
TEXTS = [{"text": "good film", "label": "yes"}, {"text": "bad film indeed", "label": "no"}]


@pytest.mark.parametrize(
    ("codec", "records", "model", "args"),
    [
        ("table_codec", ROWS, "mlp", lambda codec: {"in_dim": codec.num_features, "hidden": [8], "out_dim": 2}),
        ("text_codec", TEXTS, "text_classifier", lambda codec: {"vocabulary": codec.num_tokens, "num_classes": 2}),
        ("image_codec", [{"image": torch.full((8, 8), i, dtype=torch.uint8), "label": str(i % 2)} for i in range(4)], "simple_cnn", lambda codec: {"num_classes": 2}),
    ],
)
def test_codecs_and_networks_of_the_catalogue_come_back_whole(tmp_path, codec, records, model, args):
    """Contract: nothing but the file is needed, and the answers are those of the codec and the network in hand."""
    settings = {"table_codec": {"target": "buys"}, "text_codec": {}, "image_codec": {"size": 8, "channels": 1}}[codec]
    fitted = build(codec, settings).fit(records)
    network = build(model, args(fitted)).eval()
    path = Bundle.save(tmp_path / "m.weft", {"predict": network}, codec=fitted)
    opened = Bundle.open(path)
    assert opened.codec == fitted
    batch = fitted.collate([fitted.encode(record) for record in records])
    with torch.no_grad():
        expected = fitted.decode({"output": network(batch["input"])})
    for answer, wanted in zip(opened.predict(records), expected, strict=True):
        assert answer["label"] == wanted["label"] and answer["score"] == pytest.approx(wanted["score"], abs=1e-5)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("image_codec", {"size": 100_000, "classes": ["a", "b"]}),
        ("detection_codec", {"size": [200_000, 2_000], "classes": ["a", "b"]}),
        ("video_codec", {"size": 64, "frames": 1_000_000, "classes": ["a", "b"]}),
        ("audio_codec", {"seconds": 1e6, "classes": ["a", "b"]}),
        ("audio_codec", {"window": 1e4, "classes": ["a", "b"]}),
        ("fields_codec", {"fields": [{"column": "photo", "kind": "image", "size": 100_000}], "learned": [{"mean": [0.5] * 3, "std": [0.5] * 3}]}),
    ],
)
def test_a_codec_that_would_fill_the_memory_is_refused(saved, tmp_path, name, args):
    """Hostile input: sizes in a stranger's bundle are bounded when it is opened, before any record is read."""
    changed = change_spec(saved, tmp_path / "b.weft", lambda spec: spec.update(codec={"name": name, "args": args}))
    with pytest.raises(BundleError, match="numbers of one record"):
        Bundle.open(changed, own=OWN)
