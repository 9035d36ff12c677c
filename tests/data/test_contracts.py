"""What the parts promise is checked over the shelf's examples."""

from __future__ import annotations

import copy
import importlib
import json

import pytest
import torch

import weft
import weft.data as data
from tests.contracts.walk import entries, example
from weft._lazy import load
from weft.data.contracts import Codec, Source, Transform


def of_data(kind):
    """Parametrise a test over the shelves of ``weft.data``."""
    found = [entry for entry in entries(kind) if entry.shelf.startswith("weft.data")]
    return pytest.mark.parametrize("entry", found, ids=lambda entry: entry.name)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def plain(value):
    """A record as values that can be compared."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value.tobytes() if hasattr(value, "tobytes") else value


@of_data("codec")
def test_a_codec_is_rebuilt_from_json_and_encodes_the_same(entry):
    """Contract: image_codec, table_codec, text_codec, token_codec survive the writing down of their spec."""
    codec, records = example(entry)
    fitted = codec.fit(records)
    assert isinstance(fitted, Codec)
    spec = json.loads(json.dumps(fitted.spec()))
    assert spec["name"] == entry.name
    again = load(entry.path)(**spec["args"])
    assert again == fitted
    usable = [r for r in records if r.get("text", True)] if entry.name == "token_codec" else records
    assert all(same(fitted.encode(r), again.encode(r)) for r in usable)
    batch = fitted.collate([fitted.encode(r) for r in usable])
    assert {len(v) for v in batch.values()} == {len(usable)}
    assert batch["input"].dtype in (torch.float32, torch.int64)


@of_data("codec")
def test_a_codec_names_the_keys_it_wants(entry):
    codec, records = example(entry)
    fitted = codec.fit(records)
    schema = fitted.schema()
    json.dumps(schema)
    assert set(schema["required"]) <= set(schema["properties"]) <= set(records[0])
    with pytest.raises(ValueError, match=schema["required"][0]):
        fitted.encode({"something": 1})


@of_data("transform")
def test_a_transform_is_repeatable_and_accepts_an_empty_batch(entry):
    """Contract: cut_mix, mix_up, noise, normalize, random_crop, random_erasing and random_flip."""
    transform, batch = example(entry)
    assert isinstance(transform, Transform)
    if getattr(transform, "raw", False):  # batch is one raw record
        before = copy.deepcopy(batch)
        once, twice = (transform(batch, data.Random(0, 0, torch.arange(1))) for _ in range(2))
        assert plain(once) == plain(twice) and plain(batch) == plain(before)
        return
    index = torch.arange(len(batch["input"]))
    before = batch["input"].clone()
    once, twice = (transform(batch, data.Random(0, 0, index)) for _ in range(2))
    assert len(once["input"]) == len(index) and ("target" not in batch or len(once["target"]) == len(index))
    assert same(once, twice)
    assert torch.equal(batch["input"], before)
    nothing = transform({key: value[:0] for key, value in batch.items()}, data.Random(0, 0, index[:0]))
    assert {len(value) for value in nothing.values()} == {0}


HOLDS_MORE_THAN_SETTINGS = {  # examples that hold a function, a network or sounds, which JSON cannot; each says so
    "apply": "function", "back_translate": "there", "background_mix": r"sounds\[0\]", "conditional": "condition", "perturb": "network",
}  # fmt: skip


@of_data("transform")
def test_a_transform_is_rebuilt_from_json_and_does_the_same(entry):
    """Contract: settings, nested ones too, written down by weft.spec_of and built again by weft.build, give the same outputs."""
    transform, batch = example(entry)
    if entry.name in HOLDS_MORE_THAN_SETTINGS:
        with pytest.raises(TypeError, match=f"{entry.name}.{HOLDS_MORE_THAN_SETTINGS[entry.name]} is a"):
            weft.spec_of(transform)
        return
    spec = json.loads(json.dumps(weft.spec_of(transform)))
    again = weft.build(spec)
    assert type(again) is type(transform) and weft.spec_of(again) == spec
    random = torch.arange(1 if getattr(transform, "raw", False) else len(batch["input"]))
    torch.manual_seed(0)  # what does not draw from its own numbers would show
    before = plain(transform(batch, data.Random(3, 1, random)))
    assert plain(again(batch, data.Random(3, 1, random))) == before


READS_VALUES = {  # what a transform asks of its batch before it can go on, and the meta device cannot say
    "aug_mix": "range", "auto_augment": "range", "cached": "bytes", "color_jitter": "range", "conditional": "condition", "gaussian_blur": "range",
    "in_pixels": "range", "normalize_loudness": "lengths", "perturb": "gradients", "pitch_shift": "lengths", "poisson_noise": "sign",
    "rand_augment": "range", "random_grayscale": "range", "random_tone": "range", "trivial_augment": "range",
}  # fmt: skip


def on_device(batch, device):
    return {key: value.to(device) if isinstance(value, torch.Tensor) else value for key, value in batch.items()}


@of_data("transform")
def test_a_transform_stays_on_the_device_of_its_batch(entry):
    """Contract: shapes, types and device without a device at hand, since the meta device refuses to be mixed with another as CUDA does."""
    transform, batch = example(entry)
    if getattr(transform, "raw", False):
        return
    index = torch.arange(len(batch["input"]))
    wanted = transform(batch, data.Random(0, 0, index))
    if entry.name in READS_VALUES:
        with pytest.raises(RuntimeError, match="meta"):
            transform(on_device(batch, "meta"), data.Random(0, 0, index))
        return
    found = transform(on_device(batch, "meta"), data.Random(0, 0, index))
    kinds = {key: (value.shape, value.dtype) for key, value in wanted.items() if isinstance(value, torch.Tensor)}
    assert {key: (value.shape, value.dtype) for key, value in found.items() if isinstance(value, torch.Tensor)} == kinds
    assert all(value.is_meta for value in found.values() if isinstance(value, torch.Tensor))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@of_data("transform")
def test_a_transform_gives_the_same_on_cuda(entry):
    """Contract: all random numbers come from the records' keys, so that devices differ by rounding alone."""
    transform, batch = example(entry)
    if getattr(transform, "raw", False):
        return
    index = torch.arange(len(batch["input"]))
    wanted = transform(batch, data.Random(0, 0, index))
    if entry.name == "perturb":
        transform.network.cuda()
    found = transform(on_device(batch, "cuda"), data.Random(0, 0, index))
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        if isinstance(value, torch.Tensor):
            assert found[key].is_cuda and found[key].dtype == value.dtype
            # where levels are cut off, as in posterize, rounding may move a few values by a whole level
            assert ((found[key].cpu().double() - value.double()).abs() > 1e-3).double().mean() < 0.02, key


def test_a_nested_row_of_transforms_is_written_down_whole():
    """Compose, contract: three levels, a choice by weights and a condition by key come back from JSON and do the same."""
    batch = {"input": torch.rand(6, 3, 8, 8), "target": torch.arange(6) % 3, "small": torch.arange(6) < 3}
    choice = data.RandomChoice([data.MixUp(num_classes=3), data.CutMix(num_classes=3)], weights=[3, 1], whole=True)
    row = data.Compose([data.Conditional(data.RandomApply(data.ColorJitter(0.3), 0.9), "small"), data.RandomCrop(padding=2), choice])
    spec = json.loads(json.dumps(weft.spec_of(row)))
    again = weft.build(spec)
    assert again == row and spec["args"]["transforms"][0]["args"]["transform"]["args"]["probability"] == 0.9
    random = torch.arange(6)
    assert same(again(batch, data.Random(0, 0, random)), row(batch, data.Random(0, 0, random)))


def test_every_source_of_the_examples_is_one():
    """Contract: arrays, concat, subset and windows can be counted, read from both ends and end in an IndexError."""
    core = [entry for entry in entries("source") if entry.name in ("arrays", "concat", "subset", "windows")]
    assert len(core) == 4
    for source in map(example, core):
        assert isinstance(source, Source)
        assert len(list(source)) == len(source)
        assert source[-1].keys() == source[0].keys()
        with pytest.raises(IndexError):
            source[len(source)]


def test_a_list_of_records_is_a_source():
    assert isinstance([{"input": 1}], Source)


def test_no_name_stands_on_two_shelves_of_data():
    """What a shelf exports is exported from weft.data too, so a name must mean one thing."""
    seen: dict[str, str] = {}
    for shelf in ("", *data.SHELVES):
        module = importlib.import_module(f"weft.data.{shelf}".rstrip("."))
        own = {path.partition(":")[2]: path for path in module.TABLE.values()} | (module.EXTRA if shelf else {})
        for name, path in own.items():
            assert seen.setdefault(name, path) == path, f"{name} is {seen[name]} and {path}"
            assert data.__dict__["__exports__"][name] == path
