"""Small made copies of published sets, written in their publisher's layout: the readers of the real ones read them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from weft._lazy import unknown
from weft.data.audio.wav import wav_bytes
from weft.data.sets.coco_masks import to_runs
from weft.data.sets.made_points import drawn
from weft.data.sets.made_shapes import SHAPES, shapes
from weft.data.sets.stand_ins import pairs_of_sentences, spoken, stripes
from weft.data.sets.voc_segments import CLASSES

SYNSETS = ("n01440764 tench, Tinca tinca", "n01443537 goldfish, Carassius auratus", "n01484850 great white shark, white shark")
ATTRIBUTES = ("Bald", "Smiling", "Young")


def write_stand_in(name: str, folder: str | Path) -> Path:
    """Write a small made copy of a published set into a folder, in the publisher's layout, and return the folder.

    Names: those of ``WRITERS``. What is written can be learned: shapes tell their class, stripes theirs, words and tones theirs. The same whenever
    it is written. Raises ValueError for an unknown name, and for a folder with something in it, so that no real copy is mixed with it.

    Use in tests and to try a program where the files are not; instead of it, ``stand_in=True`` where a reader has it (pictures of MNIST and CIFAR,
    Multi30k, FSDD). Cost: some dozens of files.

    >>> import tempfile
    >>> sorted(entry.name for entry in write_stand_in("coco", tempfile.mkdtemp()).iterdir())
    ['annotations', 'train2017', 'val2017']
    """
    if name not in WRITERS:
        raise unknown("stand-in", name, WRITERS)
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{str(folder)!r} is not an empty folder; a stand-in is written into one of its own")
    WRITERS[name](folder)
    return folder


def put(folder: Path, name: str, content: str | bytes) -> None:
    """Write a file and the folders on its way."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def picture(image: Tensor, kind: str = "JPEG") -> bytes:
    """A picture (3, H, W) uint8 as a file."""
    file = io.BytesIO()
    Image.fromarray(image.movedim(0, -1).numpy()).save(file, kind, quality=95)
    return file.getvalue()


def coco(folder: Path) -> None:
    """Twelve and six pictures of two shapes; squares as polygons, the others as runs; centres as key points; captions."""
    numbers = (1, 3, 7)  # with gaps, as published
    for part, size, seed in (("train2017", 12, 0), ("val2017", 6, 1)):
        made = {key: torch.as_tensor(value) for key, value in shapes(size, 48, objects=2, seed=seed).columns.items()}
        images, things, captions = [], [], []
        for i in range(size):
            name = f"{100 * seed + i:012d}.jpg"
            put(folder, f"{part}/{name}", picture((made["image"][i] * 255).to(torch.uint8)))
            images.append({"id": 100 * seed + i, "file_name": name, "width": 48, "height": 48})
            kinds = made["labels"][i].tolist()
            captions.append({"id": i, "image_id": images[-1]["id"], "caption": " and ".join(f"a {SHAPES[kind]}" for kind in kinds)})
            for j, kind in enumerate(kinds):
                x1, y1, x2, y2 = made["boxes"][i, j].tolist()
                mask = made["masks"][i, j].numpy()
                thing = {"id": len(things) + 1, "image_id": images[-1]["id"], "category_id": numbers[kind], "bbox": [x1, y1, x2 - x1, y2 - y1]}
                outline = [[x1, y1, x2, y1, x2, y2, x1, y2]] if SHAPES[kind] == "square" else to_runs(mask)
                points = [*made["keypoints"][i, j].tolist(), 2]
                rest = {"segmentation": outline, "area": float(mask.sum()), "iscrowd": 0, "keypoints": points, "num_keypoints": 1}
                things.append(thing | rest)
        kinds = [{"id": number, "name": shape, "keypoints": ["centre"]} for number, shape in zip(numbers, SHAPES, strict=True)]
        for kind, found in (("instances", things), ("person_keypoints", things), ("captions", captions)):
            put(folder, f"annotations/{kind}_{part}.json", json.dumps({"images": images, "annotations": found, "categories": kinds}))


def pascal_voc(folder: Path) -> None:
    """Eight pictures of two shapes, named as the first of VOC's classes, with boxes and with a class by pixel, borders 255."""
    made = shapes(8, 48, objects=2, seed=2).columns
    names = [f"2012_{i:06d}" for i in range(8)]
    for i, name in enumerate(names):
        put(folder, f"JPEGImages/{name}.jpg", picture((made["image"][i] * 255).to(torch.uint8)))
        objects = ""
        numbers = np.zeros((48, 48), np.uint8)
        for kind, box, mask in zip(made["labels"][i].tolist(), made["boxes"][i].tolist(), made["masks"][i].numpy(), strict=True):
            corners = "".join(f"<{side}>{value:.0f}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
            objects += f"<object><name>{CLASSES[kind + 1]}</name><difficult>0</difficult><bndbox>{corners}</bndbox></object>"
            numbers[mask] = kind + 1
            numbers[int(box[1]), int(box[0]) : int(box[2])] = 255
        size = "<size><width>48</width><height>48</height><depth>3</depth></size>"
        put(folder, f"Annotations/{name}.xml", f"<annotation><filename>{name}.jpg</filename>{size}{objects}</annotation>")
        segments = Image.fromarray(numbers)
        segments.putpalette([value % 256 for value in range(768)])
        file = io.BytesIO()
        segments.save(file, "PNG")
        put(folder, f"SegmentationClass/{name}.png", file.getvalue())
    for kind in ("Main", "Segmentation"):
        put(folder, f"ImageSets/{kind}/train.txt", "\n".join(names[:5]) + "\n")
        put(folder, f"ImageSets/{kind}/val.txt", "\n".join(names[5:]) + "\n")


def imagenet(folder: Path) -> None:
    """Stripes in the folders of three synsets, 20 to train and 5 to validate of each."""
    put(folder, "LOC_synset_mapping.txt", "\n".join(SYNSETS) + "\n")
    images, labels = stripes("train", 3, (3, 64, 64), 3)
    for part, first, last in (("train", 0, 20), ("val", 20, 25)):
        for i in range(3 * first, 3 * last):
            number = SYNSETS[int(labels[i])].split()[0]
            put(folder, f"{part}/{number}/{number}_{i}.JPEG", picture(images[i]))


def celeba(folder: Path) -> None:
    """Twelve "faces" of six people: brightness tells ``Young``, the lower half ``Smiling``; three attributes in place of forty."""
    random = drawn(12, 0, 18)
    images = (40 * random.uniform(3, 218, 178)).to(torch.uint8)
    rows, people, points, parts = [], [], [], []
    for i in range(12):
        name, smiling, young = f"{i + 1:06d}.jpg", i % 4 == 1, i % 2 == 0
        images[i] += 60 * young
        images[i, :, 109:] += 90 * smiling
        put(folder, f"img_align_celeba/{name}", picture(images[i]))
        rows.append(f"{name} -1 {1 if smiling else -1:2d} {1 if young else -1:2d}")
        people.append(f"{name} {100 + i // 2}")
        points.append(f"{name} 69 109 106 113 77 142 73 152 108 154")
        parts.append(f"{name} {0 if i < 6 else 1 if i < 8 else 2}")
    put(folder, "list_attr_celeba.txt", "\n".join(["12", " ".join(ATTRIBUTES), *rows]) + "\n")
    names = [f"{place}_{axis}" for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy"]
    put(folder, "list_landmarks_align_celeba.txt", "\n".join(["12", " ".join(names), *points]) + "\n")
    put(folder, "identity_CelebA.txt", "\n".join(people) + "\n")
    put(folder, "list_eval_partition.txt", "\n".join(parts) + "\n")


def sentences(part: str) -> list[str]:
    """Made sentences in English, small letters, without a full stop."""
    return [pair["en"].lower().removesuffix(".") for pair in pairs_of_sentences(part)]


def squad(folder: Path) -> None:
    """Who sees what: the answer is the second word; version 2.0 also asks for the other thing, which has no answer."""
    for part, of in (("train", "train"), ("dev", "val")):
        for version in ("1.1", "2.0"):
            paragraphs = []
            for i, text in enumerate(sentences(of)):
                words = text.split()
                asked = {"id": f"{part}{i}", "question": f"Who sees the {' '.join(words[-2:])}?", "answers": [{"text": words[1], "answer_start": 2}]}
                other = {"id": f"{part}{i}x", "question": "Who sees the sea?", "answers": [], "is_impossible": True}
                asked |= {"is_impossible": False} if version == "2.0" else {}
                paragraphs.append({"context": text, "qas": [asked, other] if version == "2.0" else [asked]})
            content = {"version": version, "data": [{"title": "Seeing", "paragraphs": paragraphs}]}
            put(folder, f"{part}-v{version}.json", json.dumps(content))


def glue(folder: Path) -> None:
    """SST-2: a good or a bad film; CoLA: a sentence or its words in alphabetical order."""
    for part, of in (("train", "train"), ("dev", "val")):
        texts = sentences(of)
        films = [f"a {('bad', 'good')[i % 2]} film in which {text} \t{i % 2}" for i, text in enumerate(texts)]
        put(folder, f"SST-2/{part}.tsv", "\n".join(["sentence\tlabel", *films]) + "\n")
        forms = [f"made\t{i % 2}\t{'' if i % 2 else '*'}\t{text if i % 2 else ' '.join(sorted(text.split()))}" for i, text in enumerate(texts)]
        put(folder, f"CoLA/{part}.tsv", "\n".join(forms) + "\n")


def imdb(folder: Path) -> None:
    """Bad films in ``neg``, good ones in ``pos``."""
    for part, of in (("train", "train"), ("test", "test")):
        for i, text in enumerate(sentences(of)):
            kind, word, rating = (("neg", "bad", 1), ("pos", "good", 10))[i % 2]
            put(folder, f"{part}/{kind}/{i // 2}_{rating}.txt", f"A {word} film.<br /><br />In it {text}.")
    for i, text in enumerate(sentences("val")):
        put(folder, f"train/unsup/{i}_0.txt", f"In it {text}.")


def table(folder: Path, words: tuple[str, ...], texts: int) -> None:
    """Rows of a class's number and texts that hold the class's word."""
    for part in ("train", "test"):
        file = io.StringIO()
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for i, text in enumerate(sentences(part)):
            word = words[i % len(words)]
            writer.writerow([i % len(words) + 1, *[f"{word}: {text}"] * texts])
        put(folder, f"{part}.csv", file.getvalue())


def ag_news(folder: Path) -> None:
    """Four topics, each with a word of its own."""
    table(folder, ("minister", "match", "shares", "chip"), 2)


def yahoo_answers(folder: Path) -> None:
    """Ten topics, each with a word of its own."""
    table(folder, ("custom", "proof", "pain", "school", "code", "match", "shares", "song", "friend", "law"), 3)


def wikitext(folder: Path) -> None:
    """A heading and sentences, as tokens with ``<unk>`` and raw."""
    for part, of in (("train", "train"), ("valid", "val"), ("test", "test")):
        text = "\n".join([" ", " = The dog = ", " ", *(f" {line} . " for line in sentences(of))]) + "\n"
        put(folder, f"wiki.{part}.raw", text)
        put(folder, f"wiki.{part}.tokens", text.replace("tree", "<unk>"))


def penn_treebank(folder: Path) -> None:
    """A sentence a line."""
    for part, of in (("train", "train"), ("valid", "val"), ("test", "test")):
        put(folder, f"ptb.{part}.txt", "".join(f" {line} \n" for line in sentences(of)))


def libri_speech(folder: Path) -> None:
    """Digits as tones, read by two speakers in a chapter each."""
    for speaker, voice in ((84, "low"), (1272, "high")):
        name = f"{speaker}/7/{speaker}-7"
        said = [record for record in spoken("test") if record["speaker"] == voice and record["index"] == 0]
        for i, record in enumerate(said):
            put(folder, f"{name}-{i:04d}.wav", record["audio"])
        lines = [f"{speaker}-7-{i:04d} DIGIT {record['label']}" for i, record in enumerate(said)]
        put(folder, f"{name}.trans.txt", "\n".join(lines) + "\n")


def timit(folder: Path) -> None:
    """A sentence of two tones for each of four speakers, with words and phones in time."""
    time = torch.arange(8000) / 16_000
    for speaker, pitch in (("TRAIN/DR1/FCJF0", 400), ("TRAIN/DR2/MABC0", 300), ("TEST/DR1/FAKS0", 420), ("TEST/DR2/MDAB0", 310)):
        name = f"{speaker}/SA1"
        sound = torch.cat([0.5 * torch.sin(2 * torch.pi * pitch * factor * time) for factor in (1, 2)])
        put(folder, f"{name}.WAV.wav", wav_bytes(sound, 16_000))
        for ending, lines in (("TXT", ["0 16000 Low high."]), ("WRD", ["0 8000 low", "8000 16000 high"]), ("PHN", ["0 8000 l", "8000 16000 h"])):
            put(folder, f"{name}.{ending}", "\n".join(lines) + "\n")


def esc50(folder: Path) -> None:
    """Digits as tones in the table of ESC-50, a take a fold."""
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for record in spoken("test"):
        name = f"{record['index'] + 1}-{record['path']}"
        put(folder, f"audio/{name}", record["audio"])
        lines.append(f"{name},{record['index'] + 1},{record['label']},digit {record['label']},False,{record['speaker']},A")
    put(folder, "meta/esc50.csv", "\n".join(lines) + "\n")


WRITERS = {
    "ag_news": ag_news,
    "celeba": celeba,
    "coco": coco,
    "esc50": esc50,
    "glue": glue,
    "imagenet": imagenet,
    "imdb": imdb,
    "libri_speech": libri_speech,
    "pascal_voc": pascal_voc,
    "penn_treebank": penn_treebank,
    "squad": squad,
    "timit": timit,
    "wikitext": wikitext,
    "yahoo_answers": yahoo_answers,
}
