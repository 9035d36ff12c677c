"""What is wrong with a training, in plain words: read from a run's directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from weft.observe.health.evidence import Evidence, stages
from weft.observe.health.rules import findings
from weft.observe.health.signs import Limits
from weft.observe.run import Run


@dataclass(frozen=True)
class Finding:
    """One illness: its name, what it is in words, how it shows, what to try, and in which stage."""

    name: str
    says: str
    evidence: str
    tries: tuple[str, ...]
    stage: str = ""

    def __str__(self) -> str:
        return "\n".join([f"{self.says}.", f"  {self.evidence}", *(f"  - {one}" for one in self.tries)])


@dataclass(frozen=True)
class Diagnosis:
    """The findings of a run, causes first. Prints as text; ``names`` for programs."""

    findings: tuple[Finding, ...]
    looked: tuple[str, ...] = ()  # what there was to look at

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(finding.name for finding in self.findings)

    def json(self) -> dict[str, Any]:
        return {"findings": [asdict(finding) for finding in self.findings], "looked_at": list(self.looked)}

    def __str__(self) -> str:
        seen = f"Looked at: {', '.join(self.looked)}." if self.looked else "There is nothing to look at yet."
        if not self.findings:
            return f"Nothing wrong was found. {seen}" if self.looked else seen
        several = len({finding.stage for finding in self.findings}) > 1
        return "\n\n".join([*(f"[{f.stage}] {f}" if several else str(f) for f in self.findings), seen])


def diagnose(run: str | Path | Run, limits: Limits = Limits()) -> Diagnosis:
    """Say what is wrong with a run, how it shows, and what to try; nothing when nothing is.

    Reads ``metrics.jsonl`` and what ``Health`` or the monitors wrote into ``health/``; without these only the curves are judged. What one cause
    accounts for is not listed beside it. ``limits``: where healthy ends.
    Raises FileNotFoundError for a directory without a run.

    >>> import tempfile
    >>> with Run.create(Path(tempfile.mkdtemp()) / "run", {"name": "mine", "args": {}}) as run:
    ...     print(diagnose(run))
    There is nothing to look at yet.
    """
    opened = run if isinstance(run, Run) else Run.open(run, read_only=True)
    found: list[Finding] = []
    seen: list[str] = []
    for stage in stages(opened.path):
        evidence = Evidence.of(opened.path, stage)
        found += told(evidence, limits)
        seen += [f"{len(evidence.metrics)} lines of metrics" + (f" of {stage}" if stage else "")]
        seen += [f"{len(evidence.reports)} reports of monitors" if evidence.reports else "no reports of monitors (add listeners=[Health()])"]
    return Diagnosis(tuple(found), tuple(seen))


def told(evidence: Evidence, limits: Limits = Limits(), *, early: bool = False) -> Sequence[Finding]:
    """The findings of one stage."""
    return [Finding(rule.name, rule.says, said, rule.tries, evidence.stage) for rule, said in findings(evidence, limits, early=early)]
