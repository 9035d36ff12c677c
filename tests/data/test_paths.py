"""Files are found in one order, whatever their spelling; temporary ones are one's own; locks hold one process at a time."""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from weft.data import find_files, find_path, held, made_folder, normal_name, scratch_file


def names(root, files):
    return [file.relative_to(root).as_posix() for file in files]


def test_order_does_not_depend_on_creation_and_endings_not_on_case(tmp_path):
    """find_files, property: files made in five random orders are found in one, that of their names with forward slashes."""
    wanted = ["A/z.png", "a b/x.PNG", "a/b/c.png", "a/b.png", "b.png", "é.png"]
    seen = set()
    for number in range(5):
        root, shuffled = tmp_path / str(number), list(wanted)
        random.Random(number).shuffle(shuffled)
        for name in (*shuffled, ".hidden/x.png", "__MACOSX/x.png", "a/.x.png", "x.txt"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"")
        seen.add(tuple(names(root, find_files(root, extensions=(".png",)))))
        assert names(root, find_files(root, "B*")) == ["a/b.png", "b.png"]
    assert seen == {tuple(sorted(wanted))}


def test_names_of_both_systems_are_one():
    """normal_name, closed form: separators of Windows, double and idle steps, and decomposed letters."""
    assert normal_name("photos\\cat\\.\\1.png") == normal_name("photos//cat/1.png") == "photos/cat/1.png"
    assert normal_name(unicodedata.normalize("NFD", "Köln/é")) == unicodedata.normalize("NFC", "Köln/é")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_loops_of_links_end_and_linked_folders_come_once(tmp_path):
    """find_files, property: a link to a folder above, one to oneself and two to one folder; links that lead nowhere are left out."""
    (tmp_path / "data" / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for file in ("data/a.png", "data/inner/b.png", "elsewhere/c.png"):
        (tmp_path / file).write_bytes(b"")
    for link, target in (("data/inner/up", "data"), ("data/self", "data/self"), ("data/one", "elsewhere"), ("data/two", "elsewhere"), ("data/x.png", "no")):
        (tmp_path / link).symlink_to(tmp_path / target)
    root = tmp_path / "data"
    assert names(root, find_files(root)) == ["a.png", "inner/b.png"]
    with_links = names(root, find_files(root, links=True))
    assert len(with_links) == 3 and {name.rpartition("/")[2] for name in with_links} == {"a.png", "b.png", "c.png"}


def test_a_name_in_another_case_is_found_or_told(tmp_path):
    """find_path, property: every step may differ in case or form; two candidates are refused, none lists the nearest."""
    (tmp_path / "Images" / "Größe").mkdir(parents=True)
    file = tmp_path / "Images" / "Größe" / "CAT.Png"
    file.write_bytes(b"")
    assert find_path(tmp_path / "images" / unicodedata.normalize("NFD", "GRÖSSE").replace("SS", "ß") / "cat.png") == file
    assert find_path(file) == file
    with pytest.raises(FileNotFoundError, match=r"no 'dog.png'.*CAT\.Png|no 'cta.png'.*CAT\.Png"):
        find_path(tmp_path / "images" / "größe" / "cta.png")
    twin = tmp_path / "Images" / "größe"
    if not twin.exists():  # not so where the disk itself ignores the case
        twin.mkdir()
        with pytest.raises(ValueError, match="differ in case alone"):
            find_path(tmp_path / "Images" / "GRÖßE")
    monkey = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert find_path("IMAGES") == Path("Images")
    finally:
        os.chdir(monkey)


def test_mistakes_are_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="not there; expected a folder"):
        find_files(tmp_path / "nothing")
    with pytest.raises(NotADirectoryError, match="is a file"):
        find_files(tmp_path / "file")
    with pytest.raises(ValueError, match=r"write '\.png'"):
        find_files(tmp_path, extensions=("png",))
    with pytest.raises(FileExistsError, match="file' is a file; "):
        made_folder(tmp_path / "file" / "below")
    assert made_folder(tmp_path / "x" / "y") == made_folder(tmp_path / "x" / "y") and (tmp_path / "x" / "y").is_dir()


def test_temporary_files_are_ones_own_and_go(tmp_path):
    """scratch_file, property: two processes get different names; nothing stays, after an error either."""
    program = f"from weft.data import scratch_file\nwith scratch_file('.x', {str(tmp_path)!r}) as f: print(f)"
    given = {subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(given) == 2 and not list(tmp_path.iterdir())
    with pytest.raises(KeyError), scratch_file(folder=tmp_path):
        raise KeyError
    with scratch_file(folder=tmp_path) as file:
        file.rename(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def counting(path, times):
    for _ in range(times):
        with held(f"{path}.lock"):
            path.write_text(str(int(path.read_text()) + 1))


@pytest.mark.skipif(sys.platform != "linux", reason="starts processes by fork")
def test_one_process_at_a_time(tmp_path):
    """held, property: three processes that each add one a hundred times under the lock lose nothing; a held one is told after a time."""
    path = tmp_path / "count"
    path.write_text("0")
    processes = [multiprocessing.get_context("fork").Process(target=counting, args=(path, 100)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert path.read_text() == "300"
    with held(tmp_path / "a"), pytest.raises(TimeoutError, match="held by another process"), held(tmp_path / "a", 0.05):
        pass
    with held(tmp_path / "a", 0.05):
        pass
