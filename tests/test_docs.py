"""The pages keep their word: programs run, commands run, links lead somewhere, generated pages are up to date."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.source import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
PEERS = {"Lightning": "lightning", "Keras": "keras", "fastai": "fastai", "timm": "timm"}
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = ("git clone", "pip install", "cd ")  # what a reader does once, not in a test


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(language, title or "", text) for language, title, text in BLOCK.findall(page.read_text(encoding="utf-8"))]


def with_language(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(block.language in languages for block in blocks(page))]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with pictures in it, as the pages suppose."""
    from PIL import Image

    for label, colour in (("dog", (200, 30, 30)), ("cat", (30, 30, 200))):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(20):
            shade = tuple(max(0, channel - number) for channel in colour)
            Image.new("RGB", (32, 32), shade).save(tmp_path / "photos" / label / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_programs(page: Path, title: str | None) -> int:
    """Run a page's Python blocks in order in one namespace: those of weft and both, or those of a peer and both."""
    namespace: dict[str, object] = {"__name__": page.stem}
    count = 0
    for block in blocks(page):
        wanted = block.title in ("", "both", "weft") if title is None else block.title in ("both", title)
        if block.language == "python" and wanted:
            exec(compile(block.text, f"{page.name}, block {count + 1}", "exec"), namespace)
            count += 1
    return count


@pytest.mark.parametrize("page", with_language("python"), ids=lambda page: page.name)
def test_the_programs_on_a_page_run(page, desk):
    assert run_programs(page, None) > 0


@pytest.mark.parametrize("peer", PEERS)
def test_the_other_frameworks_program_runs_where_it_is_installed(peer, desk, monkeypatch):
    page = ROOT / "docs" / f"coming-from-{peer.lower()}.md"
    assert [block.title for block in blocks(page) if block.language == "python"][-2:] == [peer, "weft"], "side by side: theirs, then ours"
    if importlib.util.find_spec(PEERS[peer]) is None:
        pytest.skip(f"{peer} is not installed")
    assert run_programs(page, peer) > 0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


def run_command(line: str, folder: Path) -> None:
    """Run one line of a shell block as a reader would; trainings on two batches, servers until they are ready."""
    words = shlex.split(line, comments=True)
    if not words or line.startswith(SET_UP):
        return
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"the Makefile has no target {words[1]}"
        return
    assert words[0] == "weft", f"a command that no test knows: {line}"
    command = [sys.executable, "-m", *words]
    if words[1] == "run":
        command += ["quick=true", "progress=false"]
    if words[1] == "serve":
        with subprocess.Popen([*command, "--port", "0"], cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
            deadline, said = time.monotonic() + 120, ""
            while "http://" not in said and server.poll() is None and time.monotonic() < deadline:
                said += server.stdout.readline()
            with contextlib.suppress(ProcessLookupError):
                server.send_signal(signal.SIGTERM)
            server.wait(60)
        assert "http://127.0.0.1" in said, said
        return
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", with_language("sh"), ids=lambda page: page.name)
def test_the_commands_on_a_page_run(page, desk):
    for name in ("fastapi", "uvicorn") if "weft serve" in page.read_text() else ():
        pytest.importorskip(name)
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines() if line.strip()]
    assert lines
    for line in lines:
        run_command(line, desk)


def test_a_wrong_command_is_seen(desk):
    with pytest.raises(AssertionError, match="no target nonsense"):
        run_command("make nonsense", desk)
    with pytest.raises(AssertionError, match="Unknown kind 'modl'"):
        run_command("weft list modl", desk)
    with pytest.raises(AssertionError, match="no test knows"):
        run_command("rm -r .", desk)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if path.startswith("http") or path.startswith("catalogue/"):
            continue  # the catalogue's pages are generated
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in file.read_text().splitlines() if line.startswith("#")}):
            wrong.append(target)
    assert wrong == []


def generated():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_generate"] = module
    spec.loader.exec_module(module)
    return module


def test_the_catalogue_pages_hold_every_entry():
    import weft

    pages = generated().catalogue()
    for entry in weft.list():
        assert f"## {entry.name} " in pages[f"{entry.kind}.md"]
        assert f"]({entry.kind}.md)" in pages["index.md"]


def test_the_ledger_is_up_to_date():
    assert (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8") == generated().ledger(), "run: python docs/generate.py"


def test_the_page_of_illnesses_is_that_of_the_rules():
    assert (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8") == generated().diagnosis(), "run: python docs/generate.py"


def test_a_row_of_the_ledger_counts_only_with_its_place_and_its_test():
    import weft
    from weft._lazy import load

    names = {entry.name for entry in weft.list()} | {f"{entry.kind}/{entry.name}" for entry in weft.list()}
    rows = generated().ROWS
    wrong = [row.id for row in rows if not proves(row.test)]
    assert wrong == [], "these rows name tests that do not exist"
    for row in rows:
        assert re.fullmatch(r"\d\d\.\d+", row.id), row.id
        if row.where not in names and not (ROOT / row.where).exists():
            load(row.where)  # raises, naming it, when there is no such thing
    assert len({row.id for row in rows}) == len(rows), "a row stands twice"


def test_a_pitfall_is_kept_out_by_a_test_that_exists():
    found = [test for pitfalls in generated().PITFALLS.values() for _, test in pitfalls if test]
    assert len(found) > 50 and [test for test in found if not proves(test)] == [], "these tests do not exist"


def proves(test: str) -> bool:
    """Whether ``tests/file.py::test_name`` exists."""
    file, _, name = test.partition("::")
    path = ROOT / file
    return path.is_file() and re.search(rf"^def {re.escape(name)}\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


def test_the_ledger_sees_a_test_that_does_not_exist():
    assert proves("tests/test_docs.py::test_links_lead_somewhere")
    assert not proves("tests/test_docs.py::test_of_nothing")
    assert not proves("tests/test_nothing.py::test_of_nothing")
