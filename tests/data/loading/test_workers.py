"""The number of workers from the machine."""

from __future__ import annotations

import os
import sys

import pytest
import torch

from weft.data import Arrays, Loader, worker_count
from weft.data.loading import workers


@pytest.mark.parametrize(
    ("platform", "allowed", "quota", "ranks", "expected"),
    [
        ("linux", 64, "max 100000", 1, 8),
        ("linux", 64, "max 100000", 16, 3),
        ("linux", 64, "300000 100000", 1, 2),
        ("linux", 3, "max 100000", 1, 2),
        ("linux", 1, "max 100000", 1, 0),
        ("linux", 4, "150000 100000", 2, 0),
        ("linux", 4, "nonsense", 1, 3),
        ("darwin", 12, None, 1, 6),
        ("win32", 6, None, 1, 3),
        ("win32", 32, None, 1, 4),
    ],
)
def test_affinity_quota_ranks_and_platform_decide(platform, allowed, quota, ranks, expected, monkeypatch, tmp_path):
    """worker_count, closed form: a table of machines that have 64 processors."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(allowed)), raising=False)
    monkeypatch.setattr(workers, "QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(quota)
    assert worker_count(ranks) == expected


def test_without_affinity_all_processors_count(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    monkeypatch.setattr(workers, "QUOTA", tmp_path / "none")
    assert worker_count() == 4
    with pytest.raises(ValueError, match="ranks=0"):
        worker_count(0)
    assert len(list(Loader(Arrays({"input": torch.arange(4)}), batch_size=2, workers=min(1, worker_count())))) == 2
