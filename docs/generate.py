"""Write the catalogue pages from the tables, and the ledger from its own: ``python docs/generate.py``.

Nothing is listed by hand. The pages under ``docs/catalogue`` are not kept in git; ``docs/coverage.md`` and
``docs/diagnose.md`` are, and a test compares them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

from ledger import PITFALLS, ROWS
from ledger.row import Row

from weft.catalogue import Entry
from weft.catalogue import list as entries
from weft.observe.health.rules import RULES

HEADINGS = {"Shapes", "Errors", "Paper", "Papers", "Raises", "Args", "Cost"}


def plain(text: str) -> str:
    """A sentence inside a table cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def body(docstring: str) -> str:
    """A docstring as Markdown: examples as code, double backticks as single ones."""
    lines, inside = [], False
    for line in docstring.replace("``", "`").splitlines():
        begins = line.lstrip().startswith(">>>")
        if begins and not inside:
            lines += ["", "```pycon"]
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        if not inside and line.partition(":")[0] in HEADINGS:
            lines.append("")
        lines.append(line if inside else line.replace("<", "&lt;"))
    return "\n".join(lines + ["```"] * inside)


def page(kind: str, found: Iterable[Entry]) -> str:
    """One page a kind: a table of names, then every entry in full."""
    found = list(found)
    rows = [f"| [`{entry.name}`](#{entry.name}) | {plain(entry.sentence.replace('``', '`'))} |" for entry in found]
    parts = [f"# {kind.capitalize()}", "", "| name | |", "|---|---|", *rows]
    for entry in found:
        module = entry.path.partition(":")[0]
        parts += ["", f"## {entry.name} {{ #{entry.name} }}", "", f"`{module}`", "", "```python", entry.signature, "```", "", body(entry.docstring)]
    return "\n".join(parts) + "\n"


def catalogue() -> dict[str, str]:
    """Every page of the catalogue by file name."""
    pages = {f"{kind}.md": page(kind, found) for kind, found in groupby(entries(), key=lambda entry: entry.kind)}
    counts = {kind: len(list(found)) for kind, found in groupby(entries(), key=lambda entry: entry.kind)}
    lines = [f"- [{kind}]({kind}.md): {count}" for kind, count in counts.items()]
    return {"index.md": "\n".join(["# Catalogue", "", "What `weft list` knows, with all that it says about itself.", "", *lines, ""]), **pages}


def ledger(rows: Iterable[Row] = ROWS) -> str:
    """The coverage page."""
    rows = sorted(rows, key=lambda row: [int(part) if part.isdigit() else 0 for part in row.id.split(".")])
    chapters = {row.id.split(".")[0] for row in rows}
    done = sum(not row.missing for row in rows)
    lines = [
        "# Coverage",
        "",
        "Which rows of the plan exist, where, and which test proves it. A row stands here only if its test exists; a test of the house checks that",
        "and makes this page again from `docs/ledger`. A row is done when nothing that it asks for is missing.",
        "",
        f"{done} rows done and {len(rows) - done} begun, in {len(chapters)} chapters.",
        "",
        "| row | what | where | proved by | still missing |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(f"| {row.id} | {plain(row.what)} | `{row.where}` | `{row.test}` | {plain(row.missing)} |")
    lines += ["", "## Pitfalls", "", "Known mistakes of others, and the test that keeps weft out of each.", "", "| chapter | pitfall | kept out by |", "|---|---|---|"]
    for chapter, found in PITFALLS.items():
        lines += [f"| {chapter} | {plain(what)} | {f'`{test}`' if test else 'nothing yet'} |" for what, test in found]
    return "\n".join(lines) + "\n"


DIAGNOSIS = """# When training goes wrong

`weft diagnose RUN` reads a run's curves and what its monitors saw, and says what is wrong, how it shows, and what to try:

```text
$ weft diagnose runs/mine-1
The learning rate is too high.
  A step changed the weights by up to 52% of their size (0.1 % to 5 % is usual), and the loss rose from 2.33 to 169.
  - Divide the rate by 3 to 10.
  - Warm it up: schedule=warmup(500) | cosine().
  - Clip gradients by norm.
```

Every recipe writes what it needs. In a training of your own, give it `Health()`; the same rules then warn, once each, while it runs:

```python
import torch
from torch import nn

from weft import Steps, fit
from weft.losses import cross_entropy
from weft.methods import Supervised
from weft.observe import Health, lint

method = Supervised(nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)), cross_entropy)
data = [(torch.randn(32, 4), torch.randint(2, (32,))) for _ in range(4)]
for finding in lint(method, data, until=Steps(100)):  # before it begins
    print(finding)
state = fit(method, data, until=Steps(100), listeners=[Health()])
```

Causes come first, and what a cause accounts for is not listed beside it. `diagnose(run, Limits(dead=0.5))` moves a limit; the usual ones stand well between
what healthy and ill trainings showed. Where nothing is said, nothing was found: that is no proof of health.

## What it knows
"""


def diagnosis() -> str:
    """The page of illnesses, from the rules' own table."""
    rows = [f"| {plain(rule.says)} | {plain((rule.finds.__doc__ or '').split(chr(10))[0])} | {plain(' '.join(rule.tries))} | `{rule.name}` |" for rule in RULES]
    return "\n".join([DIAGNOSIS, "| what is wrong | how it shows | what to try | name |", "|---|---|---|---|", *rows, ""])


def main() -> None:
    folder = DOCS / "catalogue"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in catalogue().items():
        (folder / name).write_text(text, encoding="utf-8")
    (DOCS / "coverage.md").write_text(ledger(), encoding="utf-8")
    (DOCS / "diagnose.md").write_text(diagnosis(), encoding="utf-8")
    print(f"{len(entries())} entries on {len(catalogue())} pages; {len(ROWS)} rows in the ledger")


if __name__ == "__main__":
    main()
