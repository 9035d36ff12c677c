"""Write the catalogue pages from the tables, and the ledger from its own: ``python docs/generate.py``.

Nothing is listed by hand. The pages under ``docs/catalogue`` are not kept in git; ``docs/coverage.md`` is, and a test compares it.
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


def main() -> None:
    folder = DOCS / "catalogue"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, text in catalogue().items():
        (folder / name).write_text(text, encoding="utf-8")
    (DOCS / "coverage.md").write_text(ledger(), encoding="utf-8")
    print(f"{len(entries())} entries on {len(catalogue())} pages; {len(ROWS)} rows in the ledger")


if __name__ == "__main__":
    main()
