"""``weft COMMAND …``: the words of a call, one voice for what goes wrong, and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import weft
from weft.cli import commands, data, new

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
EXPECTED = (ValueError, TypeError, OSError, ImportError)  # whose messages are written for the reader

EPILOG = """\
weft list recipe              what can be run
weft show recipe/digits       what a recipe takes
weft run image_classification data=photos/ epochs=10
weft diagnose runs/image_classification-1
weft predict runs/image_classification-1 new.jpg
weft serve runs/image_classification-1
weft data inspect photos/ --out report.html
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 when it was done, 1 after an error (one message, no traceback unless asked), 2 for a wrong call."""
    try:
        options = parser().parse_args(argv)
    except SystemExit as leaving:  # argparse has said what is wrong, or printed help
        return leaving.code if isinstance(leaving.code, int) else USAGE
    before, warnings.showwarning = warnings.showwarning, say_warning
    try:
        return options.command(options) or DONE
    except KeyboardInterrupt as stopped:
        print(f"weft: {stopped or 'stopped'}", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else FAILED
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if options.traceback:
            traceback.print_exc()
        print(f"weft: {message(error)}", file=sys.stderr)
        return FAILED
    finally:
        warnings.showwarning = before


def message(error: Exception) -> str:
    """One message; for an error that nobody has written for the reader, its type and how to see more."""
    text = str(error).strip() or type(error).__name__
    if isinstance(error, OSError) and error.filename and error.strerror:
        text = f"{error.strerror}: {str(error.filename)!r}"
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror  # without its number
    if isinstance(error, EXPECTED) or type(error).__module__.startswith("weft."):
        return text
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {text} (say --traceback to see where){notes}"


def say_warning(text: Warning | str, *rest: Any) -> None:
    print(f"weft: note: {text}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """Every command with its words and options."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--traceback", action="store_true", help="after an error, show where it came from")
    top = argparse.ArgumentParser(
        prog="weft",
        description="Train, evaluate, look at, predict with and serve networks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"weft {weft.__version__}")
    made = top.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, command: Any) -> argparse.ArgumentParser:
        text = (command.__doc__ or "").strip()
        one = made.add_parser(
            name, parents=[shared], help=text.splitlines()[0].rstrip("."), description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        one.set_defaults(command=command)
        return one

    _ask(add)
    _train(add)
    _use(add)
    _data(made, shared)
    _new(made, shared)
    return top


def _ask(add: Any) -> None:
    one = add("list", commands.list_)
    one.add_argument("kind", nargs="?", help="model, method, loss, metric, recipe, …; without it everything")
    one.add_argument("--json", action="store_true", help="as JSON")
    one = add("show", commands.show)
    one.add_argument("name", help="a name of the list, or kind/name where kinds share it")
    one = add("summary", commands.summary)
    one.add_argument("model", help="a model of the list")
    one.add_argument("arguments", nargs="*", metavar="key=value", help="its parameters")
    one.add_argument("--input", default="1x3x224x224", metavar="SHAPE", help="of one input (default 1x3x224x224); 1x128:int for token numbers")
    one.add_argument("--depth", type=int, metavar="N", help="show so many levels of the tree (default: all)")
    one.add_argument("--json", action="store_true", help="as JSON")
    one = add("doctor", commands.doctor)
    one.add_argument("--json", action="store_true", help="as JSON")


def _train(add: Any) -> None:
    one = add("run", commands.run)
    one.add_argument("recipe", help="a recipe of the list, or path/to/mine.py:function")
    one.add_argument("arguments", nargs="*", metavar="key=value", help="parameters; @file.yaml reads them from a file")
    one.add_argument("--quiet", action="store_true", help="do not print the result")
    one = add("resume", commands.resume)
    one.add_argument("run", help="the directory of a run")
    one.add_argument("--quiet", action="store_true", help="do not print the result")
    one.add_argument("--anyway", action="store_true", help="go on although data or recipe have changed")
    one = add("evaluate", commands.evaluate)
    one.add_argument("model", metavar="RUN|BUNDLE", help="the directory of a run, or a bundle")
    one.add_argument(
        "arguments",
        nargs="*",
        metavar="DATA",
        help="a labelled folder or file, with or without data= before it; without one the data that the run held out",
    )
    one.add_argument("--json", action="store_true", help="as JSON")
    _trusting(one)
    one = add("compare", commands.compare)
    one.add_argument("runs", nargs="+", metavar="RUN", help="directories of runs")
    one = add("diagnose", commands.diagnose)
    one.add_argument("run", metavar="RUN", help="the directory of a run")
    one.add_argument("--json", action="store_true", help="as JSON")


def _use(add: Any) -> None:
    one = add("predict", commands.predict)
    one.add_argument("model", metavar="RUN|BUNDLE", help="the directory of a run, or a bundle")
    one.add_argument("inputs", nargs="*", metavar="INPUT", help="files, folders, - for standard input, or field=value")
    one.add_argument("--json", action="store_true", help="as JSON")
    one.add_argument("--out", metavar="FILE", help="write a .csv or .json file instead")
    _trusting(one)
    one = add("bundle", commands.bundle)
    one.add_argument("run", help="the directory of a run")
    one.add_argument("--out", metavar="FILE", help="where to (default: RUN.weft)")
    one.add_argument("--sign", metavar="KEY", help="a private ed25519 key file; made when it is not there")
    one = add("serve", commands.serve)
    one.add_argument("model", metavar="RUN|BUNDLE", help="the directory of a run, or a bundle")
    one.add_argument("--port", type=int, default=8000, help="default 8000; 0 takes a free one")
    one.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1, this machine only")
    one.add_argument("--public", action="store_true", help="let other machines in; needs --token and --host 0.0.0.0")
    one.add_argument("--token", metavar="FILE", help="a file with the token that requests must bring (or the variable WEFT_TOKEN)")
    one.add_argument("--allow", action="append", default=[], metavar="NAME", help="a further host name by which the server may be addressed")
    _trusting(one)


def _data(made: Any, shared: argparse.ArgumentParser) -> None:
    group = made.add_parser("data", help="Look at data before training on it", description="Look at data before training on it.")
    verbs = group.add_subparsers(metavar="VERB", required=True)
    text = data.inspect.__doc__ or ""
    one = verbs.add_parser(
        "inspect", parents=[shared], help=text.splitlines()[0].rstrip("."), description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one.set_defaults(command=data.inspect)
    one.add_argument("path", help="a folder of pictures, sounds, texts or tables; a .csv, .jsonl, .parquet or .tar file")
    one.add_argument("--target", metavar="COLUMN", help="the column of a table that holds the classes (default: label, target, class, y, outcome)")
    one.add_argument("--json", action="store_true", help="as JSON")
    one.add_argument("--out", metavar="FILE.html", help="write a page with examples and distributions")
    one.add_argument("--no-near", action="store_true", help="look only for equal records, not for similar ones")
    one.add_argument("--quarantine", metavar="FOLDER", help="move files that cannot be read there; weft.data.restore(FOLDER) puts them back")
    text = data.bench.__doc__ or ""
    one = verbs.add_parser(
        "bench", parents=[shared], help=text.splitlines()[0].rstrip("."), description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one.set_defaults(command=data.bench)
    one.add_argument("path", help="what open_source takes: a folder of pictures or texts, a table, shards")
    one.add_argument("--batch-size", type=int, default=64, metavar="N", help="records in a batch (default 64)")
    one.add_argument("--workers", type=int, metavar="N", help="processes that read (default: what the machine has room for)")
    one.add_argument("--batches", type=int, default=100, metavar="N", help="at most so many batches are read (default 100)")
    one.add_argument("--size", type=int, default=224, metavar="N", help="side of the pictures (default 224)")
    one.add_argument("--json", action="store_true", help="as JSON")


def _new(made: Any, shared: argparse.ArgumentParser) -> None:
    group = made.add_parser("new", help="Begin a part of your own", description="Begin a part of your own.")
    verbs = group.add_subparsers(metavar="PART", required=True)
    text = new.layer.__doc__ or ""
    one = verbs.add_parser(
        "layer", parents=[shared], help=text.splitlines()[0].rstrip("."), description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one.set_defaults(command=new.layer)
    one.add_argument("name", help="its name, such as GatedSum")
    one.add_argument("--into", default=".", metavar="FOLDER", help="where it goes (default: here)")


def _trusting(one: argparse.ArgumentParser) -> None:
    one.add_argument("--own", metavar="FILE.py", help="your Python file with the classes that the bundle needs")
    one.add_argument("--trust", action="append", metavar="KEY", help="a public key; refuse bundles that it did not sign")
