"""Arrays: in memory, by the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from weft.data import Arrays, ImageCodec, encoded, stack
from weft.data.arrays import LARGE


def test_gather_equals_reading_one_by_one():
    """Property: arrays gathered by the batch are the stacked records."""
    source = Arrays({"input": torch.randn(9, 3), "target": np.arange(9), "name": [f"r{i}" for i in range(9)]})
    index = torch.tensor([4, 0, 4, 8])
    batch, records = source.gather(index), stack([source[i] for i in index.tolist()])
    assert torch.equal(batch["input"], records["input"]) and torch.equal(batch["target"], records["target"])
    assert batch["name"] == records["name"] == ["r4", "r0", "r4", "r8"]


def test_numpy_is_shared_where_possible_and_odd_memory_is_copied():
    plain = np.arange(4, dtype=np.float32)
    source = Arrays({"input": plain})
    plain[0] = 7
    assert source[0]["input"] == 7
    for odd in (np.arange(4.0)[::-1], np.arange(4, dtype=">i4"), np.broadcast_to(np.float32(1), (4,))):
        assert Arrays({"input": odd})[1]["input"].item() == odd[1]
    assert Arrays({"input": np.zeros((3, 2))})[0]["input"].dtype == torch.float32


def test_labels_are_scalars():
    batch = Arrays({"target": [0, 1, 2]}).gather(torch.tensor([1, 2]))
    assert batch["target"].shape == (2,) and batch["target"].dtype == torch.int64


@pytest.mark.parametrize(
    ("columns", "words"),
    [({}, "no columns"), ({"a": [1, 2], "b": [1]}, "equal length"), ({"a": []}, "without rows"), ({"a": torch.tensor(1.0)}, "single number")],
)
def test_wrong_columns_are_named(columns, words):
    with pytest.raises(ValueError, match=words):
        Arrays(columns)


def test_reading_outside_raises():
    source = Arrays({"input": [1, 2]})
    assert source[-2]["input"] == 1
    for i in (2, -3):
        with pytest.raises(IndexError, match="of 2"):
            source[i]


def test_stack_names_what_does_not_fit():
    with pytest.raises(ValueError, match=r"shape of 'input': \(2,\), \(3,\)"):
        stack([{"input": torch.zeros(2)}, {"input": torch.zeros(3)}])
    with pytest.raises(ValueError, match="same keys"):
        stack([{"input": 1}, {"target": 1}])
    with pytest.raises(ValueError, match="at least one"):
        stack([])


def test_encoded_holds_what_the_codec_gives():
    pictures = Arrays({"image": torch.randint(0, 256, (5, 6, 6), dtype=torch.uint8), "label": [0, 1, 2, 1, 0]})
    codec = ImageCodec(size=6, channels=1).fit(pictures)
    kept = encoded(pictures, codec)
    for i in range(5):
        assert torch.equal(kept[i]["input"], codec.encode(pictures[i])["input"]) and kept[i]["target"] == pictures[i]["label"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.bfloat16, torch.int64])
def test_large_records_are_stacked_as_small_ones(dtype):
    """Property: the memory of a large batch comes from elsewhere; values, type and independence of the records do not."""
    records = [{"input": torch.full((3, 600, 600), n).to(dtype)} for n in range(5)]
    batch = stack(records)["input"]
    assert batch.nbytes >= LARGE and batch.dtype == dtype and torch.equal(batch, torch.stack([record["input"] for record in records]))
    batch.zero_()
    assert bool((records[4]["input"] == 4).all())
    learned = stack([{"input": torch.ones(1 << 20, requires_grad=True)} for _ in range(2)])["input"]
    assert learned.requires_grad
