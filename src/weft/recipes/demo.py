"""The main job from one end to the other, on real handwritten digits: train, evaluate, look, predict, serve.

``python -m weft.recipes.demo [FOLDER]`` writes into ``./demo``.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from weft.recipes.digits import parts
from weft.recipes.inputs import opened, records
from weft.recipes.run import run
from weft.recipes.session import Result

OWN = ".weft-demo"  # marks a folder that the demo may replace
EXPECTED = 0.975  # accuracy on held-out digits
SHOWN = 10  # digits written as PNG files
PATIENCE = 60.0  # seconds for the server to start

NEXT = """
What to try next
  open {report}
  weft predict {run} {images}
  weft serve {bundle}            then open the address that it prints
  weft list recipe               and with your own data:
  weft run image_classification data=FOLDER     (a sub-folder of pictures for each class)
  weft run table data=FILE.csv target=COLUMN"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; 0 when every part of it worked."""
    words = list(sys.argv[1:] if argv is None else argv)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a network this small gains nothing from more, and waiting for each other costs much on a busy machine
    try:
        folder = prepare(Path(words[0] if words else "demo"))
        began = time.monotonic()
        print(f"1. Training a small convolutional network on {len(parts()['train']):,} of scikit-learn's 1,797 handwritten digits (8x8 pixels)")
        result = run("digits", run=folder / "run")
        print(f"\n2. Evaluating on digits that training never saw: accuracy {result.metrics['accuracy']:.4f} (expected: at least {EXPECTED})")
        if result.metrics["accuracy"] < EXPECTED:
            raise ValueError(f"The accuracy is below {EXPECTED}; something is wrong with this installation. weft doctor shows what there is.")
        print(f"\n3. Looking at it: {result.report} has curves, confusion matrix and the worst mistakes")
        print("\n4. Predicting picture files of held-out digits")
        files = write_digits(folder / "digits")
        predict(result, folder / "digits")
        print("\n5. Serving the model and asking it over HTTP")
        ask_server(result, files[7])
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"weft: {error}", file=sys.stderr)
        return 1
    finally:
        torch.set_num_threads(threads)
    print(f"\nAll of it worked, in {time.monotonic() - began:.0f} seconds.")
    print(NEXT.format(report=result.report, run=result.run, bundle=result.bundle, images=folder / "digits"))
    return 0


def prepare(folder: Path) -> Path:
    """An empty folder for the demo; an old one is replaced, anything else is left alone with an error."""
    if folder.exists() and not (folder / OWN).is_file():
        raise FileExistsError(f"{folder} is there already and was not made by this demo. Name another folder: python -m weft.recipes.demo FOLDER")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / OWN).write_text("Made by python -m weft.recipes.demo, which may replace this folder.\n", encoding="utf-8")
    return folder


def write_digits(folder: Path) -> list[Path]:
    """A PNG file of a held-out picture for each digit from 0 to 9, named after it."""
    folder.mkdir()
    held_out, files = parts()["test"], []
    for digit in range(SHOWN):
        record = next(held_out[i] for i in range(len(held_out)) if int(held_out[i]["label"]) == digit)
        files.append(folder / f"{digit}.png")
        Image.fromarray(record["image"].numpy()).save(files[-1])
    return files


def predict(result: Result, folder: Path) -> None:
    """Print what the bundle takes each picture for."""
    assert result.bundle is not None
    bundle = opened(result.bundle)
    named = records(bundle.codec, [str(folder)], sys.stdin.buffer)
    for (name, _), answer in zip(named, bundle.predict([record for _, record in named]), strict=True):
        print(f"   {name}  is a {answer['label']}  ({answer['score']:.1%})")


def ask_server(result: Result, picture: Path) -> dict[str, object]:
    """Start ``weft serve`` as a user would, send it a picture, print its answer, stop it."""
    command = [sys.executable, "-m", "weft", "serve", str(result.bundle), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = address_of(server)
        request = urllib.request.Request(f"{address}/predict", picture.read_bytes(), {"Content-Type": "image/png"})  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            body = json.loads(answer.read())
        said = body["predictions"][0]
        print(f"   POST {picture} to {address}/predict\n   {json.dumps({'label': said['label'], 'score': said['score']})}")
        if said["label"] != picture.stem:
            raise ValueError(f"The server took {picture} for a {said['label']}.")
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
    print("   The server has stopped.")
    return said


def address_of(server: subprocess.Popen[str]) -> str:
    """The address that a starting server prints; raises RuntimeError when it ends or says nothing."""
    assert server.stdout is not None
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        if os.name == "posix" and not select.select([server.stdout], [], [], 0.2)[0]:
            continue
        line = server.stdout.readline()
        if "http://" in line:
            return "http://" + line.partition("http://")[2].split()[0]
    raise RuntimeError(
        "The server did not start; its message stands above."
        if server.poll() is not None
        else f"The server did not start within {PATIENCE:.0f} seconds."
    )


if __name__ == "__main__":
    raise SystemExit(main())
