"""What a run ran on and with, and what has changed."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
import torch

from weft.observe import environment, fingerprint
from weft.observe.environment import changes, git, source_hash


def test_the_environment_is_json_and_names_what_matters(tmp_path):
    (tmp_path / "mine.py").write_text("x = 1\n")
    around = json.loads(json.dumps(environment([tmp_path / "mine.py"])))
    assert around["packages"]["torch"] == torch.__version__ and around["threads"] == torch.get_num_threads()
    assert set(around["code"]) == {"weft", str(tmp_path / "mine.py")} and around["processor"]


def test_a_source_hash_sees_contents_and_names(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    first = source_hash(tmp_path)
    (tmp_path / "notes.txt").write_text("not code")
    assert source_hash(tmp_path) == first
    (tmp_path / "a.py").write_text("x = 2\n")
    second = source_hash(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, second, source_hash(tmp_path)}) == 3 and source_hash(tmp_path / "none.py") == "missing"


def test_git_says_commit_and_whether_files_changed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git() is None
    call = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    (tmp_path / "a.txt").write_text("1")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one", "--no-verify"]):
        subprocess.run([*call, *arguments], check=True)
    clean = git()
    (tmp_path / "a.txt").write_text("2")
    assert clean is not None and not clean["changed"] and len(clean["commit"]) == 40
    assert git() == {"commit": clean["commit"], "changed": True}


RECORDS = [{"image": np.arange(12).reshape(3, 4), "label": "a", "n": [1, None]}, {"image": np.zeros((3, 4)), "label": "b", "n": [2, None]}]
CHANGED = {
    "a value": [RECORDS[0], {**RECORDS[1], "label": "c"}],
    "a pixel": [{**RECORDS[0], "image": np.arange(12).reshape(3, 4) + (np.arange(12) == 5).reshape(3, 4)}, RECORDS[1]],
    "a shape": [{**RECORDS[0], "image": np.arange(12).reshape(4, 3)}, RECORDS[1]],
    "a type": [{**RECORDS[0], "image": np.arange(12).reshape(3, 4).astype("float32")}, RECORDS[1]],
    "the length": RECORDS + RECORDS[:1],
    "the order": RECORDS[::-1],
    "a nested value": [RECORDS[0], {**RECORDS[1], "n": [2, 0]}],
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_fingerprint_sees_a_change_of(name):
    same = [{**record, "image": record["image"].copy()} for record in RECORDS]
    assert fingerprint(RECORDS) == fingerprint(same)
    assert fingerprint(CHANGED[name]) != fingerprint(RECORDS)


def test_a_fingerprint_of_files_folders_and_several_sources(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    before = fingerprint(tmp_path / "data.csv"), fingerprint(tmp_path), fingerprint({"train": RECORDS, "val": RECORDS})
    (tmp_path / "data.csv").write_text("a,b\n1,23\n")
    after = fingerprint(str(tmp_path / "data.csv")), fingerprint(str(tmp_path)), fingerprint({"train": RECORDS, "val": RECORDS[:1]})
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_a_long_source_is_sampled_at_both_ends():
    source = [{"x": i} for i in range(10_000)]
    for place in (0, -1):
        changed = list(source)
        changed[place] = {"x": -5}
        assert fingerprint(changed) != fingerprint(source)
    assert fingerprint([]) != fingerprint([{"x": 0}])


def test_changes_name_old_and_new():
    before = {"packages": {"torch": "2.12", "numpy": "2"}, "threads": 2, "gone": 1}
    now = {"packages": {"torch": "2.13", "numpy": "2", "new": "1"}, "threads": 2}
    assert changes(before, now) == ["packages.torch: 2.12 -> 2.13", "packages.new: absent -> 1", "gone: 1 -> absent"]
