"""Screening: bad records are left out once, counted, and never in silence."""

from __future__ import annotations

import pytest
import torch

from tests.data.quality.files import drawn, photo, write
from weft.data import ImageCodec, ImageFolder, Loader, screen


@pytest.fixture
def folder(tmp_path):
    for i in range(12):
        write(tmp_path / "ab"[i % 2] / f"{i:02}.png", drawn(photo(i)) if i not in (3, 8) else b"no picture")
    return ImageFolder(tmp_path)


def test_bad_pictures_are_left_out_and_named(folder):
    codec = ImageCodec(size=8).fit([folder[i] for i in range(3)] + [folder[8]])
    found = screen(folder, codec.encode, budget=0.2)
    assert len(found.source) == 10 and [problem.file for problem in found.problems] == ["a/08.png", "b/03.png"]
    loader = Loader(found.source, codec, 4)
    batches = list(loader)
    assert sum(len(batch["input"]) for batch in batches) == 10 and len(loader) == len(batches)
    assert all(float(picture.std()) > 0.01 for batch in batches for picture in batch["input"])  # none is black


def test_a_substitute_keeps_the_length_and_brings_its_own_label():
    rows = [{"x": i, "label": i} if i not in (1, 4) else {"label": i} for i in range(5)]
    found = screen(rows, lambda record: record["x"], policy="substitute", budget=2)
    assert [record["label"] for record in found.source] == [0, 2, 2, 3, 0] and found.bad == (1, 4)


def test_every_rank_and_worker_sees_the_same():
    rows = [{"x": torch.tensor(float(i))} if i % 7 else {} for i in range(70)]
    first, second = (screen(rows, lambda record: record["x"], budget=0.2) for _ in range(2))
    assert first.bad == second.bad == tuple(range(0, 70, 7)) and torch.equal(first.source.indices, second.source.indices)


def test_a_budget_that_is_spent_raises_with_the_first_records():
    rows = [{}] * 5 + [{"x": 1}] * 95
    with pytest.raises(ValueError, match=r"2 of the first 2 records are bad; the budget is 0.01 of 100"):
        screen(rows, lambda record: record["x"])
    assert len(screen(rows, lambda record: record["x"], budget=5).bad) == 5
    with pytest.raises(ValueError, match="6 of the first"):
        screen([{}, *rows], lambda record: record["x"], budget=5)
    with pytest.raises(ValueError, match=r"Record 0 .*KeyError: 'x'"):
        screen(rows, lambda record: record["x"], policy="stop")


def test_what_fails_for_a_moment_is_tried_again():
    calls = []

    def flaky(record):
        calls.append(record["x"])
        if len(calls) < 3:
            raise OSError("the network is away")

    assert screen([{"x": 1}, {"x": 2}], flaky, retries=2, wait=0.0).bad == () and calls == [1, 1, 1, 2]
    calls.clear()
    assert screen([{"x": 1}, {"x": 2}, {"x": 3}], flaky, retries=0, budget=2).bad == (0, 1)


def test_nothing_left_and_odd_policies_are_refused():
    with pytest.raises(ValueError, match="None of the 2 records"):
        screen([{}, {}], lambda record: record["x"], budget=5)
    with pytest.raises(ValueError, match="policy='zeros'"):
        screen([{}], len, policy="zeros")
