"""A thousand damaged files: no crash, no hang, and the report names each."""

from __future__ import annotations

import faulthandler
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.quality.files import drawn, photo, tone
from weft.data import Random, content_hash, inspect
from weft.observe import write_data_report

FORMATS = ("jpg", "png", "wav", "csv", "parquet", "tar")
EACH = 167  # of six formats: 1,002 files
PATIENCE = 300.0  # seconds after which a hang is shown with where it hangs


def parquet(number: int) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    table = pyarrow.table({"age": [number + i for i in range(60)], "city": ["Rome", None, "Oslo"] * 20, "score": [i / 7 for i in range(60)]})
    parquet.write_table(table, file, row_group_size=25, write_page_checksum=True, compression=("snappy", "gzip", "none")[number % 3])
    return file.getvalue()


def archive(number: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=(tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)[number % 2]) as made:
        for name, data in ((f"{number}.txt", f"text {number}".encode()), (f"{number}.png", drawn(photo(number, (12, 9)))), ("n" * 120, b"x")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return file.getvalue()


def healthy(form: str, number: int) -> bytes:
    """A small file of the format."""
    if form in ("jpg", "png"):
        return drawn(photo(number, (24, 18)), {"jpg": "JPEG", "png": "PNG"}[form])
    if form == "wav":
        return tone(0.02, hertz=200.0 + number)
    if form == "csv":
        return ("age,city,label\n" + "".join(f'{20 + i},"Rome, {number}",{"ab"[i % 2]}\n' for i in range(20))).encode()
    return parquet(number) if form == "parquet" else archive(number)


def mutated(data: bytes, random: Random) -> bytes:
    """One of: bits flipped, a piece cut out, the end cut off, a piece repeated, zeros, random bytes, a number made huge."""
    way, count = int(random.integers(0, 7)), int(random.integers(1, 9))
    start, stop = sorted(int(place) for place in random.integers(0, len(data), 2)[0])
    noise = bytes(random.integers(0, 256, max(1, stop - start))[0].tolist())
    if way == 0:
        changed = bytearray(data)
        for place, bit in zip(random.integers(0, len(data), count)[0].tolist(), random.integers(0, 8, count)[0].tolist(), strict=True):
            changed[place] ^= 1 << bit
        return bytes(changed)
    return {
        1: data[:start] + data[stop + 1 :],
        2: data[:start],
        3: data[:stop] + data[start:],
        4: data[:start] + bytes(stop - start + 1) + data[stop + 1 :],
        5: data[:start] + noise + data[stop:],
        6: data[:start] + b"\xff\xff\xff\x7f" + data[start + 4 :],
    }[way]


def damaged(form: str, number: int, random: Random) -> tuple[bytes, bytes]:
    whole = healthy(form, number)
    for _ in range(20):
        broken = mutated(whole, random)
        if broken != whole:
            return whole, broken
    raise AssertionError("no mutation changed the file")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same 1,002 files, whole and damaged; the damage of a file depends on its number alone."""
    root = tmp_path_factory.mktemp("fuzz")
    for kind, form in enumerate(FORMATS):
        for number in range(EACH):
            random = Random(seed=3, epoch=kind, index=torch.tensor([number]))
            for where, data in zip(("whole", "broken"), damaged(form, number, random), strict=True):
                path = root / where / f"{form}-{number:03}.{form}"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
    return root


@pytest.fixture(autouse=True)
def shown_when_it_hangs():
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: content_hash(path) for path in folder.iterdir()}


def test_whole_files_are_not_blamed(folders):
    found = inspect(folders / "whole", known=hashes(folders / "whole"), near=False)
    assert found.counts["files"] == len(FORMATS) * EACH
    assert not found.problems.of("unreadable", "changed", "row", "header", "encoding", "empty", "new file", "missing file")


def test_every_damaged_file_is_named_and_most_by_what_is_wrong_with_them(folders, tmp_path):
    """Against the hashes of the whole files each is named; what is damaged visibly is named without them too."""
    known = hashes(folders / "whole")
    found = inspect(folders / "broken", known=dict(known), near=False)
    assert found.counts["files"] == len(known) == 1002
    assert {problem.file for problem in found.problems.of("changed")} == set(known)
    page = write_data_report(found, tmp_path / "report.html").read_text()
    assert all(name in page for name in known) and json.loads(json.dumps(found.to_json()))["problem_counts"]["changed"] == 1002
    unaided = inspect(folders / "broken", near=False)
    blamed = {problem.file.split("/")[0] for problem in unaided.problems if problem.severity == "error"}
    shares = {form: np.mean([f"{form}-{number:03}.{form}" in blamed for number in range(EACH)]) for form in FORMATS}
    # PNG, Parquet (pages) and tar (headers) carry checksums; samples of a WAV and letters of a CSV do not, and any value may be right
    assert shares["png"] > 0.95 and shares["parquet"] > 0.7 and shares["tar"] > 0.6 and shares["jpg"] > 0.4, shares
    assert min(shares.values()) > 0.2, shares


def test_the_same_files_give_the_same_report(folders):
    first, second = (inspect(folders / "broken", near=False).to_json() for _ in range(2))
    assert first == second
