"""What each command does. Each takes the parsed options; heavy things are imported when they are needed."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import weft
from weft.catalogue import entries as catalogue


def list_(options: Namespace) -> None:
    """What there is: models, methods, losses, metrics, recipes and so on.

    Read from the library's tables without importing anything, so it is quick."""
    found = catalogue.entries(options.kind)
    if options.json:
        print(json.dumps([{"kind": entry.kind, "name": entry.name, "says": catalogue.plain(entry.sentence)} for entry in found], indent=2))
        return
    width = max((len(entry.name) for entry in found), default=0)
    kind = None
    for entry in found:
        if entry.kind != kind:
            print(("" if kind is None else "\n") + entry.kind)
            kind = entry.kind
        print(f"  {entry.name:<{width}}  {catalogue.plain(entry.sentence)}")


def show(options: Namespace) -> None:
    """Everything that an entry says about itself: signature, formula, shapes, paper, example."""
    name = options.name
    found = [entry for entry in catalogue.entries() if entry.name == name] or [catalogue.find(name)]
    print("\n\n".join(str(entry) for entry in found))
    if any(entry.kind == "recipe" for entry in found):
        from dataclasses import fields

        settings: Any = weft.recipes.Settings
        print("\nEvery recipe also takes: " + ", ".join(f"{field.name}={field.default}" for field in fields(settings)) + ".")
        print(catalogue.plain(settings.__doc__.split("\n\n", 1)[1]))


def summary(options: Namespace) -> None:
    """What a network of the list is made of: shapes, parameters, operations, memory. Nothing is computed or allocated.

    weft summary resnet18 num_classes=10 --input 1x3x224x224
    weft summary gpt vocabulary=65 --input 1x128:int"""
    import torch

    shape, _, kind = options.input.partition(":")
    sizes = tuple(int(word) for word in shape.split("x")) if all(word.isdigit() for word in shape.split("x")) else ()
    if not sizes or kind not in ("", "int", "float"):
        raise ValueError(f"--input {options.input} is no shape; say 1x3x224x224, or 1x128:int for token numbers.")
    said = {key: weft.recipes.loose(value) for key, value in weft.recipes.read_arguments(options.arguments).items()}
    with torch.device("meta"):
        network = weft.build(options.model, said)
        found = weft.observe.summary(network, torch.zeros(sizes, dtype=torch.int64 if kind == "int" else torch.float32), depth=options.depth)
    print(json.dumps(found.json(), indent=2) if options.json else found)


def run(options: Namespace) -> None:
    """Run a recipe: train, evaluate, report, bundle.

    weft run digits epochs=5
    weft run image_classification data=photos/ @params.yaml
    weft run path/to/mine.py:train lr=0.1

    Every recipe also takes seed, device, precision, quick=true (two batches of everything), overfit=1 (learn one batch by
    heart), limit=0.1 (a tenth of the records), ranks=2 (processes), workers, run=DIRECTORY."""
    say(weft.recipes.run(options.recipe, **weft.recipes.read_arguments(options.arguments)), options)


def resume(options: Namespace) -> None:
    """Go on with an interrupted run exactly where its last checkpoint was."""
    say(weft.recipes.resume(options.run, anyway=options.anyway), options)


def say(result: Any, options: Namespace) -> None:
    """Print a result once: not by every rank."""
    if not options.quiet and os.environ.get("RANK", "0") == "0":
        print(result)


def evaluate(options: Namespace) -> None:
    """Measure a run or a bundle: on the data that the run held out, or on labelled data of yours."""
    words = [f"data={word}" if "=" not in word and Path(word).exists() else word for word in options.arguments]  # as predict takes them
    given = weft.recipes.read_arguments(words)
    data = given.pop("data", None)
    if given:
        raise ValueError(f"evaluate takes data=..., not {', '.join(given)}.")
    if data is not None:
        found = weft.recipes.judge(_open(options), Path(data).expanduser())
    elif Path(options.model).is_dir():
        found = weft.recipes.reevaluate(options.model).metrics
    else:
        _open(options)
        raise ValueError(f"{options.model} is a bundle, which holds no data; say on what to evaluate: weft evaluate {options.model} data=FOLDER")
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name:<24} {value:.4f}" for name, value in found.items()))


def predict(options: Namespace) -> None:
    """Answers to new inputs: files, folders, - for standard input, or fields.

    weft predict runs/image_classification-1 new/ --out answers.csv
    weft predict model.weft rows.csv --json
    echo "a good film" | weft predict runs/text_classification-1 -
    weft predict runs/language_model-1 "It was a"
    weft predict runs/table-1 age=41 city=Oslo"""
    from weft.cli import answers

    if options.out:
        answers.check_target(Path(options.out))
    bundle = _open(options)
    named = weft.recipes.records(bundle.codec, options.inputs, sys.stdin.buffer)
    verb = "predict" if "predict" in bundle.networks else next(iter(bundle.networks))
    verb = "generate" if "generate" in bundle.networks else verb
    found = [{"input": name, **answer} for (name, _), answer in zip(named, answers.ask(bundle, verb, named), strict=True)]
    if options.out:
        answers.write(found, Path(options.out))
        print(f"{len(found)} answers in {options.out}")
    elif options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        answers.show(found)


def compare(options: Namespace) -> None:
    """Runs side by side: what was asked differently, and what came out."""
    print(weft.observe.compare(options.runs))


def diagnose(options: Namespace) -> None:
    """What is wrong with a run, how it shows, and what to try."""
    found = weft.observe.diagnose(options.run)
    print(json.dumps(found.json(), indent=2) if options.json else found)


def bundle(options: Namespace) -> None:
    """Copy a run's bundle to a file of its own, to give away; signed if a key is given."""
    from weft.engine import write_bytes

    source = weft.recipes.Result.read(Path(options.run)).bundle
    if source is None:
        raise FileNotFoundError(f"The run {options.run} is finished but has no bundle.weft; its recipe did not write one.")
    target = Path(options.out) if options.out else Path(f"{Path(options.run).resolve().name}.weft")
    if target.exists():
        raise FileExistsError(f"{target} is there already; choose another name with --out, or remove it.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(target.parent)!r} to write {target.name} into.")
    write_bytes(target, source.read_bytes())
    if options.sign:
        try:
            public = _sign(target, Path(options.sign))
        except BaseException:
            target.unlink()
            raise
        print(f"Signed. Give this public key to those who open it: {public}")
    print(f"{target} ({target.stat().st_size / 1e6:.1f} MB)")


def _sign(target: Path, key: Path) -> str:
    from weft.serve import new_key, sign

    if not key.exists():
        new_key(key)
        print(f"Made the private key {key}; keep it secret and keep a copy.")
    return sign(target, key)


def serve(options: Namespace) -> None:
    """Answer requests over HTTP until Ctrl-C: one route a verb, a page to try it at /."""
    from weft.serve import serve as serve_bundle

    token = Path(options.token).read_text(encoding="utf-8").strip() if options.token else os.environ.get("WEFT_TOKEN") or None
    serve_bundle(_open(options), options.host, options.port, token=token, public=options.public, hosts=options.allow)


def doctor(options: Namespace) -> None:
    """What this machine has: versions, processor, devices, extras present or missing and how to get them."""
    from weft.cli import doctor as examination

    found = examination.examine()
    print(json.dumps(found, indent=2) if options.json else examination.written(found))


def _open(options: Namespace) -> Any:
    return weft.recipes.opened(options.model, own=options.own, trust=options.trust)
