"""What an examination finds: problems with their place, and a summary that is plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

SEVERITIES = ("error", "warning", "note")
MOST = 2000  # problems of one kind that are kept in full; further ones are counted


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where: file, row (a line of a text file, else a record's number from 1), column.

    >>> str(Problem("missing", "the label is missing", file="people.csv", row=7, column="city"))
    "people.csv, row 7, column 'city': the label is missing"
    """

    kind: str
    message: str
    file: str = ""
    row: int | None = None
    column: str | None = None
    severity: str = "warning"

    def __str__(self) -> str:
        places = [self.file] if self.file else []
        places += [f"row {self.row}"] if self.row is not None else []
        places += [f"column {self.column!r}"] if self.column is not None else []
        return f"{', '.join(places)}: {self.message}" if places else self.message


@dataclass
class Problems:
    """A list that stays bounded: the first ``most`` of each kind in full, the rest as numbers.

    >>> found = Problems(most=1)
    >>> found.add(Problem("empty", "0 bytes", "a.txt"), Problem("empty", "0 bytes", "b.txt"))
    >>> len(found), found.counts["empty"]
    (1, 2)
    """

    most: int = MOST
    kept: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, *problems: Problem) -> None:
        """Count problems, and keep those that are among the first of their kind."""
        for problem in problems:
            self.counts[problem.kind] += 1
            if self.counts[problem.kind] <= self.most:
                self.kept.append(problem)

    def __len__(self) -> int:
        return len(self.kept)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.kept)

    def of(self, *kinds: str) -> list[Problem]:
        """The problems of these kinds."""
        return [problem for problem in self.kept if problem.kind in kinds]

    def sorted(self) -> list[Problem]:
        """Errors first, then warnings, then notes; within these in the order found."""
        return sorted(self.kept, key=lambda problem: SEVERITIES.index(problem.severity))


@dataclass(frozen=True)
class Examined:
    """What looking at one file gives: numbers and words that describe it, what is wrong, and a signature to find its like."""

    measures: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    signature: Any = None


@dataclass
class Inspection:
    """What ``inspect`` found out about a folder or a file; ``print`` shows it, ``to_json`` gives plain data.

    ``counts`` numbers of files, rows, bytes; ``classes`` records per class; ``columns`` a summary of each column, or of each measure of
    files (width, seconds, words …); ``splits`` records per split; ``examples`` a few records; ``advice`` what to do about it.
    """

    path: str
    kind: str
    counts: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)
    advice: list[str] = field(default_factory=list)

    @property
    def files(self) -> set[str]:
        """The files that some problem names."""
        return {problem.file for problem in self.problems if problem.file}

    def to_json(self) -> dict[str, Any]:
        """Plain data, ready for ``json.dumps``."""
        plain = {name: getattr(self, name) for name in ("path", "kind", "counts", "classes", "splits", "columns", "examples", "advice")}
        found = [{name: value for name, value in asdict(problem).items() if value not in (None, "")} for problem in self.problems.sorted()]
        return plain | {"problems": found, "problem_counts": dict(self.problems.counts)}

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.kind}"]
        lines += ["  " + ", ".join(f"{count:,} {name}" for name, count in self.counts.items())]
        for title, group in (("classes", self.classes), ("splits", self.splits)):
            if group:
                most = sorted(group.items(), key=lambda item: -item[1])
                lines += [f"  {title}: " + ", ".join(f"{name} {count:,}" for name, count in most[:12]) + (" …" if len(most) > 12 else "")]
        if self.columns:
            width = max(len(name) for name in self.columns)
            lines += ["", "columns" if "rows" in self.counts else "measures"]
            lines += [f"  {name:<{width}}  {described(summary)}" for name, summary in self.columns.items()]
        lines += ["", f"problems: {sum(self.problems.counts.values()):,}" if self.problems.counts else "no problem found"]
        lines += list(self._grouped())
        return "\n".join([*lines, *(["", "advice", *(f"  {text}" for text in self.advice)] if self.advice else [])])

    def _grouped(self, most: int = 8) -> Iterator[str]:
        """Each kind with its first problems."""
        for kind in dict.fromkeys(problem.kind for problem in self.problems.sorted()):
            group = self.problems.of(kind)
            yield f"  {kind} ({group[0].severity}, {self.problems.counts[kind]:,})"
            yield from (f"    {problem}" for problem in group[:most])
            if self.problems.counts[kind] > most:
                yield f"    … and {self.problems.counts[kind] - most:,} more"


def described(summary: dict[str, Any]) -> str:
    """One line about a column.

    >>> described({"kind": "number", "count": 4, "missing": 1, "min": 0.0, "mean": 1.5, "max": 3.0})
    'number, 4 values, 1 missing, from 0 to 3, mean 1.5'
    """
    parts = [summary["kind"], f"{summary['count']:,} values"]
    parts += [f"{summary['missing']:,} missing"] if summary.get("missing") else []
    parts += [f"from {summary['min']:.5g} to {summary['max']:.5g}, mean {summary['mean']:.5g}"] if "mean" in summary else []
    parts += [f"{summary['distinct']} distinct"] if "distinct" in summary and "mean" not in summary else []
    return ", ".join(parts)


def listed(rows: Iterable[Any], count: int) -> str:
    """The first places and how many more there are.

    >>> listed([3, 5], 2), listed([3, 5], 10)
    ('3, 5', '3, 5 and 8 more')
    """
    shown = list(rows)
    return ", ".join(map(str, shown)) + (f" and {count - len(shown):,} more" if count > len(shown) else "")
