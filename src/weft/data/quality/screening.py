"""Bad records found before the first epoch: left out, counted and reported, within a budget, the same on every worker and rank."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weft.data.contracts import Record, Source
from weft.data.quality.findings import Problem, Problems
from weft.data.views import Subset, key

POLICIES = ("skip", "substitute", "stop")


@dataclass(frozen=True)
class Screened:
    """The records that can be used, the numbers of those that cannot, and why."""

    source: Subset
    bad: tuple[int, ...]
    problems: Problems


def screen(
    source: Source,
    check: Callable[[Record], Any],
    *,
    policy: str = "skip",
    budget: float = 0.01,
    retries: int = 0,
    wait: float = 0.1,
) -> Screened:
    """Try every record once, such as with ``codec.encode``, and leave out those that raise.

    Which records are good is settled before training, so every epoch has the promised length, and workers and ranks see the same. ``skip``
    leaves bad records out; ``substitute`` puts the next good record in their place, with its own label, so that the length stays; ``stop`` raises
    at the first. More bad records than ``budget`` (a share below 1, else a number) raise ValueError with the first of them. OSError is tried
    again ``retries`` times after ``wait`` seconds, doubled each time. Each problem names record and file, and carries the last line of the traceback.
    A bad record never becomes an empty one that keeps its label.

    Use for data that were not inspected, or are read over a network; instead of it, ``inspect`` and ``quarantine`` for files. Cost: one pass.

    >>> found = screen([{"x": 1}, {}, {"x": 3}], lambda record: record["x"], budget=1)
    >>> len(found.source), found.bad, found.problems.kept[0].message
    (2, (1,), "KeyError: 'x'")
    """
    if policy not in POLICIES or budget < 0:
        raise ValueError(f"policy={policy!r}, budget={budget}; expected one of {', '.join(POLICIES)} and a budget from 0")
    allowed = budget * len(source) if budget < 1 else budget
    problems, bad = Problems(), []
    for i in range(len(source)):
        error = failure(source, i, check, retries, wait)
        if error is None:
            continue
        if policy == "stop":
            raise ValueError(f"Record {i} ({name(source, i)}): {said(error)}") from error
        bad.append(i)
        problems.add(Problem("bad record", said(error), name(source, i), i + 1, severity="error"))
        if len(bad) > allowed:
            first = "\n".join(f"  {problem}" for problem in list(problems)[:5])
            raise ValueError(f"{len(bad):,} of the first {i + 1:,} records are bad; the budget is {budget:g} of {len(source):,}. The first:\n{first}")
    gone = set(bad)
    good = [i for i in range(len(source)) if i not in gone]
    if not good:
        raise ValueError(f"None of the {len(source):,} records can be used")
    if policy == "substitute":
        following, kept = good[0], []
        for i in reversed(range(len(source))):
            following = i if i not in gone else following
            kept.append(following)
        good = kept[::-1]
    return Screened(Subset(source, good), tuple(bad), problems)


def failure(source: Source, i: int, check: Callable[[Record], Any], retries: int, wait: float) -> Exception | None:
    """What reading and checking a record raises in the end, or None."""
    for attempt in range(retries + 1):
        try:
            check(source[i])
            return None
        except OSError as error:
            if attempt == retries:
                return error
            time.sleep(wait * 2**attempt)
        except Exception as error:  # whatever a decoder raises is what is wrong with the record
            return error
    raise AssertionError("unreachable: the last attempt returns")


def said(error: Exception) -> str:
    """An error in one line: type and message."""
    return traceback.format_exception_only(error)[-1].strip()


def name(source: Source, i: int) -> str:
    """The record's key, when the source names its records."""
    return key(source, i) if hasattr(source, "key") else ""
