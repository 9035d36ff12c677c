"""The way of the data: pictures, caches, tables, length buckets, memory; each figure beside a peer or a floor of the same run.

Contenders take turns, round after round; a figure is the median over rounds and a ratio the median of the rounds' own ratios, since a shared machine
is never equally fast for long. Peers that are not installed are left out; torchvision may lie in a folder named by ``WEFT_TORCHVISION`` (it has
no build for every processor's torch: its pure-Python part is all that is needed). Text comes from ``WEFT_MIRROR`` or the cache of data sets.
``python -m benchmarks.data_loading [rounds] [pictures cache table buckets memory workers prepare]``.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.machine import describe
from weft.data import (
    Buckets,
    CachedSource,
    Columns,
    Costly,
    FlowLoader,
    ImageCodec,
    ImageFolder,
    Loader,
    Parquet,
    RandomFlip,
    RawResizedCrop,
    TokenBudget,
    multi30k,
    parquet_flow,
    prepare,
    tiny_shakespeare,
)  # fmt: skip

PICTURES, SIDE, SIZE, BATCH, WORKERS = 600, 256, 224, 64, 2
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROWS, COLUMNS = 1_000_000, 20
LARGE = int(os.environ.get("WEFT_BENCH_BYTES", 4 << 30))  # bytes of the Parquet file
Contender = Callable[[], object]


def turns(runs: dict[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Wall seconds of every contender in every round but the first, which warms everything up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                times[name].append(time.perf_counter() - start)
    return times


def show(times: dict[str, list[float]], against: str, unit: str, scale: float) -> None:
    """The medians, and how many times as fast as ``against`` each is."""
    for name, seconds in times.items():
        ratio = statistics.median(b / a for a, b in zip(seconds, times[against], strict=True))
        print(f"  {name:58s} {statistics.median(seconds) * scale:10.1f} {unit}   {ratio:5.2f} x as fast as {against}")


def drained(batches: Iterable[Any]) -> int:
    return sum(1 for _ in batches)


# --- pictures ---------------------------------------------------------------------------------------------------------------------------------------


def folder_of_photographs(folder: Path) -> Path:
    """Parts of photographs as JPEG files of 256 x 256; smooth random fields where scikit-image is not installed."""
    rng = np.random.default_rng(0)
    try:
        import skimage.data

        photographs = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket()]
    except ImportError:
        coarse = [Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(4)]
        photographs = [np.asarray(image.resize((600, 400), Image.Resampling.BICUBIC)) for image in coarse]
    for i in range(PICTURES):
        photograph = photographs[i % 4]
        side = int(rng.integers(200, min(photograph.shape[:2]) + 1))
        top, left = (int(rng.integers(0, n - side + 1)) for n in photograph.shape[:2])
        path = folder / f"class{i % 4}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Image.fromarray(photograph[top : top + side, left : left + side])
        part.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=90)
    return folder


def torchvision_part() -> bool:
    """Import torchvision's Python part beside any torch: the operators of its missing library are declared, and never called."""
    if folder := os.environ.get("WEFT_TORCHVISION"):
        sys.path.append(folder)
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        print("  torchvision: not installed", file=sys.stderr)
        return False
    if not any(Path(found.origin).parent.glob("_C*.so")) or "cpu" in torch.__version__:
        text = Path(found.origin).with_name("_meta_registrations.py").read_text()
        names = set(re.findall(r'(?:register_meta\(|register_fake\(")(?:torchvision::|")?"?(\w+)', text)) - {"op_name"}
        library = torch.library.Library("torchvision", "DEF")
        for name in names:
            library.define(f"{name}() -> ()")
        KEPT.append(library)  # the declarations live as long as the object
    import torchvision

    print(f"  torchvision {torchvision.__version__}, Pillow {Image.__version__}")
    return True


KEPT: list[Any] = []


def torchvision_loaders(folder: Path) -> dict[str, Any]:
    """torchvision's two usual orders: cropping the Pillow image, and cropping the tensor."""
    from torchvision.datasets import ImageFolder as Folder
    from torchvision.transforms import v2

    last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    orders = {
        "torchvision, Pillow first": [v2.RandomResizedCrop(SIZE), v2.RandomHorizontalFlip(), v2.PILToTensor(), *last],
        "torchvision, tensors first": [v2.PILToTensor(), v2.RandomResizedCrop(SIZE, antialias=True), v2.RandomHorizontalFlip(), *last],
    }
    return {
        name: torch.utils.data.DataLoader(
            Folder(folder, v2.Compose(order)), BATCH, shuffle=True, num_workers=WORKERS, persistent_workers=True, generator=torch.Generator()
        )
        for name, order in orders.items()
    }


def weft_loader(folder: Path, workers: int = WORKERS) -> Loader:
    source = ImageFolder(folder)
    codec = ImageCodec(SIZE, mean=MEAN, std=STD, classes=source.classes)
    return Loader(source, codec, BATCH, shuffle=True, transforms=[RawResizedCrop(SIZE), RandomFlip()], workers=workers)


def decoders() -> dict[str, Callable[[bytes], object]]:
    """What turns the bytes of a JPEG file into an array; those that are installed."""
    import io

    def pillow(data: bytes) -> object:
        return np.asarray(Image.open(io.BytesIO(data)))

    found: dict[str, Callable[[bytes], object]] = {"Pillow": pillow}
    if importlib.util.find_spec("simplejpeg"):
        import simplejpeg

        found["simplejpeg"] = lambda data: simplejpeg.decode_jpeg(data, colorspace="RGB")
    if importlib.util.find_spec("cv2"):
        import cv2

        cv2.setNumThreads(1)
        found["OpenCV"] = lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if importlib.util.find_spec("kornia_rs"):
        from kornia_rs.io import decode_image_jpegturbo

        found["kornia-rs"] = lambda data: decode_image_jpegturbo(data, "rgb")
    return found


def pictures(rounds: int) -> None:
    print(f"{PICTURES} JPEG files of {SIDE} x {SIDE}: decode, random resized crop {SIZE}, flip, normalise, batches of {BATCH}, {WORKERS} workers")
    with tempfile.TemporaryDirectory() as name:
        folder = folder_of_photographs(Path(name))
        blobs = [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))]
        loaders: dict[str, Any] = {"weft": weft_loader(folder)} | (torchvision_loaders(folder) if torchvision_part() else {})
        runs: dict[str, Contender] = {name: lambda loader=loader: drained(loader) for name, loader in loaders.items()}
        times = turns(runs, rounds)
        show(times, "weft", "us a picture", 1e6 / PICTURES)
        fastest = [min(values) for values in zip(*(times[name] for name in times if name != "weft"), strict=True)]
        if fastest:
            ratio = statistics.median(b / a for a, b in zip(times["weft"], fastest, strict=True))
            print(f"  weft against the faster order of each round: {ratio:.2f} x (target 1.3)")
        del loaders, runs
        print("  the floor, decoding alone, in one process")
        floor = {name: lambda decode=decode: [decode(blob) for blob in blobs] for name, decode in decoders().items()}
        show(turns(floor, rounds), "Pillow", "us a picture", 1e6 / PICTURES)  # type: ignore[arg-type]


# --- cache ------------------------------------------------------------------------------------------------------------------------------------------


def cache(rounds: int) -> None:
    print("The second epoch from a cache of decoded pictures (target 3 x the first)")
    with tempfile.TemporaryDirectory() as name:
        folder = folder_of_photographs(Path(name) / "pictures")
        source = ImageFolder(folder)
        codec = ImageCodec(SIZE, mean=MEAN, std=STD, classes=source.classes)
        for where in ("memory", "folder"):
            ratios = []
            for turn in range(rounds):
                kept = {"memory": 1 << 30} if where == "memory" else {"memory": 0, "folder": Path(name, f"cache{turn}")}
                loader = Loader(CachedSource(source, codec.encode, **kept), None, BATCH, shuffle=True)  # type: ignore[arg-type]
                seconds = [timed(loader) for _ in range(2)]
                ratios.append(seconds[0] / seconds[1])
            first, second = (value * 1e6 / PICTURES for value in seconds)
            print(f"  {where:10s} first {first:7.0f}, second {second:7.0f} us a picture   {statistics.median(ratios):5.2f} x")


def timed(batches: Iterable[Any]) -> float:
    start = time.perf_counter()
    drained(batches)
    return time.perf_counter() - start


# --- table ------------------------------------------------------------------------------------------------------------------------------------------


class Rows(torch.utils.data.Dataset[Any]):
    """A data set as tutorials write it: one row, one item."""

    def __init__(self, path: Path, rows: int) -> None:
        import csv

        with path.open(newline="") as file:
            reader = csv.reader(file)
            next(reader)
            self.rows = [row for row, _ in zip(reader, range(rows), strict=False)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, torch.Tensor]:
        row = self.rows[i]
        return torch.tensor([float(value) for value in row[:-1]]), torch.tensor(int(row[-1]))


def table(rounds: int) -> None:
    import pyarrow as pa
    import pyarrow.csv

    print(f"A CSV file of {ROWS:,} rows x {COLUMNS} columns to batches of 1,024")
    names = [f"x{i}" for i in range(COLUMNS - 1)]
    sample = 50_000  # of the row-by-row way, which is linear in the rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        rng = np.random.default_rng(0)
        columns = {name: rng.normal(size=ROWS).astype(np.float32).round(4) for name in names} | {"y": rng.integers(0, 10, ROWS)}
        pa.csv.write_csv(pa.table(columns), path)
        del columns

        def weft() -> int:
            return drained(Loader(Columns(path, input=names, target="y"), None, 1024, shuffle=True))

        def by_row() -> int:
            return drained(torch.utils.data.DataLoader(Rows(path, sample), 1024, shuffle=True, generator=torch.Generator()))

        runs = {"pyarrow.csv.read_csv": lambda: pa.csv.read_csv(path), "weft, read and one epoch": weft, f"rows of {sample:,}, scaled": by_row}
        times = turns(runs, min(rounds, 5))
    times[f"rows of {sample:,}, scaled"] = [seconds * ROWS / sample for seconds in times[f"rows of {sample:,}, scaled"]]
    show(times, "weft, read and one epoch", "ms", 1e3)
    print("  targets: rows at most 0.1, pyarrow at most 2")


# --- buckets ----------------------------------------------------------------------------------------------------------------------------------------


def padding(lengths: torch.Tensor, batches: Iterable[torch.Tensor]) -> float:
    """The share of padding in batches padded to their longest record."""
    size = sum(len(index) * int(lengths[index].max()) for index in batches)
    return 1 - int(lengths.sum()) / size


def buckets(rounds: int) -> None:
    print("Length buckets: the share of padding (target below 5 %), and the time of an epoch's plan")
    lines = [line for line in tiny_shakespeare().text.split("\n") if line.strip()]
    pairs = multi30k("train")
    sets = {
        "tiny Shakespeare, lines, characters": [len(line) for line in lines],
        "tiny Shakespeare, lines, words": [len(line.split()) for line in lines],
        "Multi30k, English, words": [len(pair["en"].split()) for pair in pairs],
    }
    for name, found in sets.items():
        lengths = torch.tensor(found)
        plans = {
            "in order of a shuffle": torch.randperm(len(lengths), generator=torch.Generator().manual_seed(0)).split(32),
            "Buckets": (bucket := Buckets(lengths, 32)).batches(len(lengths), 0, 0),
            "TokenBudget": (budget := TokenBudget(lengths, 32 * int(lengths.max()))).batches(len(lengths), 0, 0),
        }
        shares = ", ".join(f"{plan} {padding(lengths, batches):.1%}" for plan, batches in plans.items())
        times = turns({"b": lambda: bucket.batches(len(lengths), 0, 1), "t": lambda: budget.batches(len(lengths), 0, 1)}, rounds)
        each = ", ".join(f"{statistics.median(seconds) * 1e9 / len(lengths):.0f}" for seconds in times.values())
        print(f"  {name:36s} {len(lengths):6,d} records   {shares}; plans take {each} ns a record")


# --- memory -----------------------------------------------------------------------------------------------------------------------------------------


def memory(rounds: int) -> None:
    import shutil

    print(f"Streaming a Parquet file of {LARGE / 2**30:.1f} GiB (target: below 600 MB resident)")
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < 2 * LARGE:
            print(f"  left out: {folder} has too little room")
            return
        path = Path(folder, "large.parquet")
        subprocess.run([sys.executable, "-c", WRITE, str(path), str(LARGE)], check=True)
        size = path.stat().st_size
        for way in ("rows", "blocks"):
            start = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.data_loading", f"stream-{way}", str(path)]
            out = subprocess.run(command, check=True, capture_output=True, text=True)
            base, peak, batches = out.stdout.split()
            seconds = time.perf_counter() - start
            print(
                f"  {way:8s} {size / 2**30:.2f} GiB, {int(batches):,} batches: peak {int(peak) / 1e6:.0f} MB,"
                f" {int(base) / 1e6:.0f} MB before; {seconds:.0f} s"
            )


WRITE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
rng, group, done, start = np.random.default_rng(0), 8192, 0, 0
schema = pa.schema([("id", pa.int64()), ("x", pa.list_(pa.float32(), 512)), ("text", pa.string())])
with pq.ParquetWriter(sys.argv[1], schema, compression="none", use_dictionary=False) as writer:
    while done < int(sys.argv[2]):
        numbers = pa.FixedSizeListArray.from_arrays(pa.array(rng.standard_normal(group * 512, dtype=np.float32)), 512)
        letters = rng.integers(97, 123, (group, 2048), dtype=np.uint8).tobytes().decode()
        texts = pa.array([letters[i * 2048 : (i + 1) * 2048] for i in range(group)])
        writer.write_table(pa.table([pa.array(range(start, start + group)), numbers, texts], schema=schema), row_group_size=group)
        start, done = start + group, done + group * 4104
"""


def stream(way: str, path: str) -> None:
    """Read a large file once in this fresh process, and say its resident memory before and at most."""
    loader: Any = FlowLoader(parquet_flow(path, ["id", "text"]), None, 256) if way == "rows" else Loader(Parquet(path), None, 256)
    before = resident()
    batches = drained(loader)
    print(before, resident(), batches)


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# --- workers ----------------------------------------------------------------------------------------------------------------------------------------


def workers(rounds: int) -> None:
    print("Records of 2 ms, by number of workers, beside torch's DataLoader with as many")
    counts = sorted({0, 1, 2, os.cpu_count() or 1, 2 * (os.cpu_count() or 1)})
    for kind in ("work", "sleep"):
        source: Any = Costly(400, 0.002, kind=kind)
        ours = {f"{kind}: Loader, {n} workers": Loader(source, None, 16, workers=n) for n in counts}
        theirs = {
            f"{kind}: DataLoader, {n} workers": torch.utils.data.DataLoader(source, 16, num_workers=n, persistent_workers=n > 0) for n in counts
        }
        runs = {name: (lambda loader=loader: drained(loader)) for name, loader in (ours | theirs).items()}
        show(turns(runs, rounds), f"{kind}: Loader, 0 workers", "ms", 1e3)


# --- prepare ----------------------------------------------------------------------------------------------------------------------------------------


def counted(record: dict[str, Any]) -> dict[str, Any]:
    """A record of pure Python work: the words of a text, counted again and again."""
    counts: dict[str, int] = {}
    for _ in range(100):
        for word in re.findall(r"\w+", record["text"]):
            counts[word] = counts.get(word, 0) + 1
    return {"words": len(counts)}


def preparing(rounds: int) -> None:
    text = " ".join(f"word{n % 97} of {n}" for n in range(200))
    records = [{"text": f"{n} {text}"} for n in range(300)]
    print(f"{len(records)} records of Python work made once, by number of processes of {os.cpu_count()}, beside multiprocessing's pool with as many")

    def ours(workers: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            prepare(records, counted, folder, workers=workers)

    def theirs(workers: int) -> None:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            pool.map(counted, records, chunksize=16)

    runs: dict[str, Contender] = {f"prepare, {n} workers": lambda n=n: ours(n) for n in (0, 1, 2, 4)}
    runs |= {f"pool, {n} processes, nothing kept": lambda n=n: theirs(n) for n in (1, 2, 4)}
    show(turns(runs, rounds), "prepare, 0 workers", "ms", 1e3)


PARTS = {"pictures": pictures, "cache": cache, "table": table, "buckets": buckets, "memory": memory, "workers": workers, "prepare": preparing}


def main(rounds: int = 7, parts: Iterable[str] = PARTS) -> None:
    describe()
    torch.set_num_threads(1)
    for part in parts:
        PARTS[part](rounds)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].startswith("stream-"):
        stream(sys.argv[1].removeprefix("stream-"), sys.argv[2])
    else:
        main(*([int(sys.argv[1])] if sys.argv[1:] else []), **({"parts": sys.argv[2:]} if sys.argv[2:] else {}))
