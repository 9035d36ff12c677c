from __future__ import annotations

import pytest

from weft.recipes.parts import made_parts, parts_of
from weft.recipes.texts import labelled_texts


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the text of {name}")
    return folder


def paths(source):
    return [source[i]["path"] for i in range(len(source))]


def classes(prefix, count=8):
    return [f"{prefix}{label}/{i}.txt" for label in ("a", "b") for i in range(count)]


def test_folders_made_for_the_parts_are_kept(tmp_path):
    """Contract: what lies in train, val and test is trained on, chosen by and measured on, nothing else."""
    write(tmp_path, *classes("Training/"), "dev/a/7.txt", "dev/b/8.txt", "test/a/9.txt", "test/b/10.txt", ".cache/x.txt")
    parts = parts_of(tmp_path, labelled_texts, test=0.2, validation=0.1)
    assert list(parts) == ["train", "val", "test"] and len(parts["train"]) == 16
    assert paths(parts["val"]) == ["a/7.txt", "b/8.txt"] and paths(parts["test"]) == ["a/9.txt", "b/10.txt"]


@pytest.mark.parametrize("name", ["test", "val"])
def test_with_two_folders_the_second_is_the_result_and_the_weights_are_chosen_on_a_share_of_the_first(tmp_path, name):
    write(tmp_path, *classes("train/"), f"{name}/a/9.txt", f"{name}/b/10.txt")
    parts = parts_of(tmp_path, labelled_texts, test=0.5, validation=0.25)
    assert paths(parts["test"]) == ["a/9.txt", "b/10.txt"]
    assert len(parts["train"]) == 12 and len(parts["val"]) == 4
    assert not set(paths(parts["train"])) & set(paths(parts["val"]))


def test_anything_else_is_cut_by_a_hash(tmp_path):
    write(tmp_path, *classes("", 20))
    parts = parts_of(tmp_path, labelled_texts, test=0.2, validation=0.1)
    assert list(parts) == ["train", "val", "test"] and len(parts["test"]) == 8 and len(parts["val"]) >= 1
    assert sorted(path for part in parts.values() for path in paths(part)) == sorted(classes("", 20))
    for others in (["train/1.txt", "cat/1.txt"], ["train/1.txt", "test/1.txt", "cat/1.txt"], ["train/1.txt"], ["test/1.txt", "val/1.txt"]):
        folder = write(tmp_path / "x".join(others).replace("/", "_"), *others)
        assert made_parts(folder) == {}, "these are classes"
    assert made_parts(tmp_path / "a" / "0.txt") == {}


def test_a_class_that_is_only_measured_is_refused(tmp_path):
    write(tmp_path, *classes("train/"), "test/a/1.txt", "test/c/2.txt")
    with pytest.raises(ValueError, match=r"test' has the class 'c', which .*train' has not"):
        parts_of(tmp_path, labelled_texts, test=0.2, validation=0.1)


def test_what_was_left_out_is_said_once(tmp_path, capsys):
    def read(path):
        return labelled_texts(path, unreadable="skip")

    write(tmp_path, *classes("", 20))
    (tmp_path / "a" / "0.txt").write_bytes(b"\xff")
    for quiet, said in ((False, "Skipped 1 records that cannot be read"), (True, "")):
        parts = parts_of(tmp_path, read, test=0.2, validation=0.1, quiet=quiet)
        assert sum(map(len, parts.values())) == 39
        assert capsys.readouterr().out.startswith(said) if said else not capsys.readouterr().out
