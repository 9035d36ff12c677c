"""Folders of pictures: order, labels, and what is wrong with them."""

from __future__ import annotations

import sys

import pytest
from PIL import Image

from weft.data import ImageCodec, ImageFolder, Loader, RecordError


def fill(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    return folder


def test_order_and_labels_do_not_depend_on_the_order_of_creation(tmp_path):
    """Property: image_folder lists the same for every order of creation; labels and order are those of sorted names."""
    names = ["dog/b.png", "cat/2.JPG", "cat/10.png", "cat/deep/er/x.bmp", "dog/a.jpeg", "ant/z.webp"]
    one, two = fill(tmp_path / "one", *names), fill(tmp_path / "two", *names[::-1])
    paths = [r["path"] for r in ImageFolder(one)]
    assert paths == [r["path"] for r in ImageFolder(two)]
    assert paths == ["ant/z.webp", "cat/10.png", "cat/2.JPG", "cat/deep/er/x.bmp", "dog/a.jpeg", "dog/b.png"]
    assert ImageFolder(one).classes == ("ant", "cat", "dog")
    assert [r["label"] for r in ImageFolder(one)] == ["ant", "cat", "cat", "cat", "dog", "dog"]


def test_other_and_hidden_files_are_left_out(tmp_path):
    fill(tmp_path, "a/1.png", "b/1.png", ".cache/1.png", "a/.thumbs/1.png", "b/.1.png", "__MACOSX/1.png")
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "README.md").write_text("x")
    assert [r["path"] for r in ImageFolder(tmp_path)] == ["a/1.png", "b/1.png"]


def test_without_labels_any_depth_counts(tmp_path):
    fill(tmp_path, "1.png", "sub/2.png")
    records = list(ImageFolder(tmp_path, labels=False))
    assert [r["path"] for r in records] == ["1.png", "sub/2.png"] and all("label" not in r for r in records)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "holds no pictures"),
        (["1.png", "2.png"], "2 pictures but no sub-folders.*labels=False"),
        (["only/1.png"], "single class 'only'"),
    ],
)
def test_unusable_folders_say_what_is_expected(tmp_path, names, words):
    with pytest.raises(ValueError, match=words):
        ImageFolder(fill(tmp_path, *names))


def test_missing_folder_file_and_empty_class_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*photos"):
        ImageFolder(tmp_path / "photos")
    fill(tmp_path, "a/1.png", "b/1.png")
    with pytest.raises(ValueError, match="is a file"):
        ImageFolder(tmp_path / "a" / "1.png")
    (tmp_path / "c").mkdir()
    with pytest.raises(ValueError, match="c' holds no pictures"):
        ImageFolder(tmp_path)
    with pytest.raises(ValueError, match="'stop' or 'skip'"):
        ImageFolder(tmp_path, unreadable="replace")


def test_pictures_beside_the_class_folders_are_said_to_be_left_out(tmp_path):
    with pytest.warns(UserWarning, match="1 pictures beside"):
        assert len(ImageFolder(fill(tmp_path, "a/1.png", "b/1.png", "stray.png"))) == 2


def test_an_unreadable_picture_stops_by_name_or_is_skipped_and_counted(tmp_path):
    fill(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "a" / "bad.png").write_bytes(b"no picture")
    (tmp_path / "b" / "cut.png").write_bytes((tmp_path / "a" / "1.png").read_bytes()[:40])
    codec = ImageCodec(size=4, classes=("a", "b"))
    with pytest.raises(RecordError, match=r"Record 1: .*bad\.png"):
        list(Loader(ImageFolder(tmp_path), codec, 2))
    source = ImageFolder(tmp_path, unreadable="skip")
    assert [r["path"] for r in source] == ["a/1.png", "b/1.png"]
    assert len(source.skipped) == 2 and "bad.png" in source.skipped[0] and "cut.png" in source.skipped[1]


def test_nothing_readable_is_an_error(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 2 pictures"):
        ImageFolder(tmp_path, unreadable="skip")


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_a_loop_of_links_ends(tmp_path):
    fill(tmp_path, "a/1.png", "b/1.png")
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(ImageFolder(tmp_path)) == 2


def test_other_endings_may_be_chosen(tmp_path):
    """ImageFolder, property: the endings given count, whatever their case, and no others; the message names them."""
    for name in ("a/1.PGM", "a/2.png", "b/1.pgm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name, format="PPM" if name.lower().endswith("pgm") else "PNG")
    assert [record["path"] for record in ImageFolder(tmp_path, extensions=(".Pgm",))] == ["a/1.PGM", "b/1.pgm"]
    with pytest.raises(ValueError, match=r"looked for \.jpg at any depth"):
        ImageFolder(tmp_path, labels=False, extensions=(".jpg",))
