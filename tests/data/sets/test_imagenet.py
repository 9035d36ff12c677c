"""ImageNet's folders, on a fixture written here and against torchvision."""

from __future__ import annotations

import pytest

from tests.references import reference
from weft.data.sets.imagenet import ImageNet
from weft.data.sets.laid_out import write_stand_in

SYNSETS = "n01440764 tench, Tinca tinca\nn01443537 goldfish\nn02012849 crane\nn03126707 crane\n"


def lay_out(folder, flat=False):
    (folder / "synset_words.txt").write_text(SYNSETS)
    for number, name in (("n01443537", "b"), ("n01440764", "a"), ("n01440764", "c")):
        place = folder / "val" if flat else folder / "val" / number
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.JPEG").write_bytes(b"picture " + name.encode())
    return folder


def test_folders_give_pictures_numbers_and_names(tmp_path):
    """ImageNet, contract: bytes, labels in the order of the numbers, names of the file of synsets; a subset by number or name."""
    source = ImageNet(lay_out(tmp_path), "val")
    assert source.classes == ("n01440764", "n01443537") and source.names == (("tench", "Tinca tinca"), ("goldfish",))
    assert [source[i]["path"] for i in range(3)] == ["val/n01440764/a.JPEG", "val/n01440764/c.JPEG", "val/n01443537/b.JPEG"]
    record = source[2]
    assert record["image"].read_bytes() == b"picture b" and (record["label"], record["name"], source.key(2)) == ("n01443537", "goldfish", record["path"])
    assert [record["name"] for record in ImageNet(tmp_path, "val", ["Tinca tinca"])] == ["tench", "tench"]
    assert ImageNet(tmp_path, "val", ["goldfish", "n01440764"]).classes == source.classes


def test_a_flat_part_is_read_by_its_solution(tmp_path):
    lay_out(tmp_path, flat=True)
    solution = tmp_path / "LOC_val_solution.csv"
    with pytest.raises(FileNotFoundError, match=r"lacks LOC_val_solution\.csv"):
        ImageNet(tmp_path, "val")
    solution.write_text("ImageId,PredictionString\nb,n01443537 1 2 3 4 \na,n01440764 1 2 3 4 n01440764 5 6 7 8 \n")
    source = ImageNet(tmp_path, "val")
    assert [(record["label"], record["image"].read_bytes()) for record in source] == [("n01440764", b"picture a"), ("n01443537", b"picture b")]
    for line, words in (
        ("../../secret,n01443537", "leads out of"), ("b,n99999999 1 2", "line 2: .* names no class"), ("b", "line 2"), ("d,n01443537", r"no d\.JPEG"),
    ):  # fmt: skip
        solution.write_text(f"ImageId,PredictionString\n{line}\n")
        with pytest.raises((ValueError, FileNotFoundError), match=words):
            ImageNet(tmp_path, "val")


def test_items_are_those_of_torchvision(tmp_path):
    """ImageNet, parity: torchvision.datasets.ImageFolder (whose order torchvision.datasets.ImageNet has) gives the same paths and class numbers."""
    datasets = reference("torchvision.datasets")
    folder = write_stand_in("imagenet", tmp_path)
    source, theirs = ImageNet(folder, "train"), datasets.ImageFolder(folder / "train")
    assert list(source.classes) == theirs.classes and len(source) == len(theirs) == 60
    ours = {str(record["image"]): source.classes.index(record["label"]) for record in source}
    assert ours == dict(theirs.samples)


def test_what_is_wrong_is_named(tmp_path):
    lay_out(tmp_path)
    for classes, words in ((["tenhc"], "names no class.*Did you mean 'tench'"), (["crane"], "names n02012849 and n03126707; give its number"), (["n02012849"], "has no pictures of n02012849")):
        with pytest.raises(ValueError, match=words):
            ImageNet(tmp_path, "val", classes)
    with pytest.raises(FileNotFoundError, match=r"lacks train; published at https://www\.image-net\.org"):
        ImageNet(tmp_path)
    with pytest.raises(ValueError, match="expected 'train' or 'val'"):
        ImageNet(tmp_path, "test")
    (tmp_path / "val" / "cats").mkdir()
    with pytest.raises(ValueError, match="cats' is of no class"):
        ImageNet(tmp_path, "val")
    (tmp_path / "synset_words.txt").write_text("tench n01440764\n")
    with pytest.raises(ValueError, match="line 1: 'tench n01440764'"):
        ImageNet(tmp_path, "val")
    (tmp_path / "synset_words.txt").unlink()
    with pytest.raises(FileNotFoundError, match="the names of the classes"):
        ImageNet(tmp_path, "val")
