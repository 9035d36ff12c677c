"""How far training is, how fast it goes and what it reaches: in a terminal, a log file or a notebook."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TextIO

from weft.observe.logs import Averages, first_rank

RECENT = 50  # steps over which the shown losses are averaged
WINDOW = 30.0  # seconds that the shown rate looks back


class Screen(Protocol):
    """Where a progress line goes."""

    interval: float

    def draw(self, view: View, last: bool) -> None: ...


class View:
    """What is shown: counters, rates, recent losses and the latest metrics, brought up to date at each drawing."""

    def __init__(self) -> None:
        self.marks: deque[tuple[float, int, int]] = deque()
        self.losses: dict[str, float] = {}
        self.drawn_at = 0.0
        self.stage, self.step, self.epoch, self.samples, self.seconds = "", 0, 0, 0, 0.0
        self.total: int | None = None
        self.fraction: float | None = None
        self.metrics: dict[str, float] = {}
        self.history: dict[str, list[tuple[int, float]]] = {}

    def update(self, state: Any, recent: Iterable[Mapping[str, Any]], now: float) -> None:
        """Read the recent logs; this is the only place where tensors are read."""
        if self.marks and state.step < self.step:  # another training: rates start anew
            self.marks.clear()
        self.stage, self.step, self.epoch, self.samples, self.seconds = state.stage, state.step, state.epoch, state.samples, state.seconds
        self.total = state.total
        self.fraction = None if self.total else state.progress().fraction
        self.metrics = {name: float(value) for name, value in state.metrics.items()}
        averages = Averages()
        for logs in recent:
            averages.add(logs)
        self.losses |= {name: value for name, value in averages.means().items() if name not in self.metrics}
        for name, value in self.losses.items():
            self.remember(name, self.step, value)
        self.drawn_at = now
        self.marks.append((now, self.step, self.samples))
        while len(self.marks) > 2 and now - self.marks[0][0] > WINDOW:
            self.marks.popleft()

    def evaluated(self, state: Any) -> None:
        """Note an evaluation for the curves."""
        for name, value in state.metrics.items():
            self.remember(name, state.step, float(value))

    def remember(self, name: str, step: int, value: float, most: int = 1000) -> None:
        """A point of the notebook's curves; when there are too many, every second one goes."""
        points = self.history.setdefault(name, [])
        if points and points[-1][0] == step:
            points[-1] = (step, value)
            return
        points.append((step, value))
        if len(points) > most:
            del points[1:-1:2]

    def rates(self) -> tuple[float, float] | None:
        """(steps a second, samples a second) over the last half minute."""
        if len(self.marks) < 2:
            return None
        (t0, step0, samples0), (t1, step1, samples1) = self.marks[0], self.marks[-1]
        return ((step1 - step0) / (t1 - t0), (samples1 - samples0) / (t1 - t0)) if t1 > t0 and step1 > step0 else None

    def left(self) -> float | None:
        """Seconds until the end, when it is known."""
        rates = self.rates()
        if self.total and rates:
            return max(0, self.total - self.step) / rates[0]
        if self.fraction and self.total is None:  # an end in seconds or epochs of unknown length
            return self.seconds * (1 / self.fraction - 1)
        return None

    def texts(self) -> list[str]:
        """Rate, time left, losses and metrics, as short texts."""
        parts = []
        rates = self.rates()
        if rates:
            parts.append(f"{short(rates[1])} samples/s, {short(rates[0])} steps/s")
        left = self.left()
        if left is not None and left >= 0.5:
            parts.append(f"{clock(left)} left")
        parts += [f"{name} {value:.4g}" for name, value in (self.losses | self.metrics).items()]
        return parts

    def where(self, last: bool = False) -> str:
        """The stage and the epoch under way; at the end, the number of finished ones."""
        stage = f"{self.stage}: " if self.stage else ""
        return f"{stage}epoch {max(1, self.epoch + (not last))}"


class Progress:
    """Shows epoch, step, samples and steps a second, time left, losses (means over the last 50 steps) and the latest metrics.

    In a terminal a bar, in a notebook a line with live curves, elsewhere a plain line every ``seconds`` and after evaluations.
    Values are read only when something is drawn: five times a second in a terminal, twice in a notebook. On several ranks the first one shows.

    ``mode``: "bar", "lines", "notebook", or None, which finds out. ``file``: where to write (default: standard error).
    Use when someone watches; cost: about a microsecond a step, and a few milliseconds a drawing.

    >>> from types import SimpleNamespace
    >>> state = SimpleNamespace(stage="", step=5, epoch=0, samples=160, seconds=1.0, total=10, metrics={})
    >>> progress = Progress(mode="lines", file=sys.stdout)
    >>> progress(state, {"loss": 0.5})
    epoch 1 · step 5/10 (50%) · loss 0.5
    >>> progress.close()
    """

    def __init__(self, mode: str | None = None, seconds: float = 10.0, file: TextIO | None = None) -> None:
        if mode not in ("bar", "lines", "notebook", None):
            raise ValueError(f"Progress shows as 'bar', 'lines' or 'notebook', or None to find out; got {mode!r}.")
        self.mode, self.seconds, self.file = mode, seconds, file
        self.view = View()
        self.screen: Screen | None = None
        self.due = 0.0 if first_rank() else math.inf
        self.recent: deque[Mapping[str, Any]] = deque(maxlen=RECENT)
        self.state: Any = None
        self.metrics: Mapping[str, Any] | None = None
        self.clock = time.perf_counter

    def __call__(self, state: Any, logs: Mapping[str, Any]) -> None:
        if logs:  # an epoch's end without an evaluation has none
            self.recent.append(logs)
        self.state = state
        if state.metrics is not self.metrics:  # each evaluation makes a new dict: none is missed between drawings
            self.metrics = state.metrics
            self.view.evaluated(state)
        now = self.clock()
        if now >= self.due:
            self.draw(now, last=False)

    def draw(self, now: float, last: bool) -> None:
        if self.screen is None:
            self.screen = screen(self.mode, self.seconds, self.file or sys.stderr)
        self.view.update(self.state, self.recent, now)
        self.screen.draw(self.view, last)
        self.due = self.clock() + self.screen.interval

    def close(self) -> None:
        if self.state is not None and self.due != math.inf:
            self.draw(self.clock(), last=True)
            self.due = 0.0
        self.state, self.metrics, self.screen, self.view = None, None, None, View()
        self.recent.clear()


def screen(mode: str | None, seconds: float, file: TextIO) -> Screen:
    """The screen that fits where we are."""
    if mode is None:
        mode = "notebook" if in_notebook() else "bar" if file.isatty() else "lines"
    return Notebook() if mode == "notebook" else Bar(file) if mode == "bar" else Lines(file, seconds)


class Bar:
    """A bar that stays in place, for terminals."""

    interval = 0.2

    def __init__(self, file: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        one_line = Column(no_wrap=True, overflow="ellipsis")
        self.bars = Progress(
            TextColumn("{task.fields[where]}", markup=False, style="bold"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}", markup=False),
            TextColumn("{task.fields[rest]}", markup=False, style="cyan", table_column=one_line),
            console=Console(file=file),
            auto_refresh=False,
        )
        self.task = self.bars.add_task("", where="", count="", rest="", total=None)
        self.bars.start()

    def draw(self, view: View, last: bool) -> None:
        total, done = (view.total, view.step) if view.total else (1.0, view.fraction) if view.fraction is not None else (None, 0)
        count = f"{view.step:,}/{view.total:,}" if view.total else f"{view.step:,} steps"
        self.bars.update(self.task, total=total, completed=done, where=view.where(last), count=count, rest=" · ".join(view.texts()))
        self.bars.refresh()
        if last:
            self.bars.stop()


class Lines:
    """Plain lines now and then, for log files and pipes."""

    interval = 0.2

    def __init__(self, file: TextIO, seconds: float) -> None:
        self.file, self.seconds = file, seconds
        self.written_at = -math.inf
        self.step = -1
        self.metrics: dict[str, float] = {}

    def draw(self, view: View, last: bool) -> None:
        waited = view.drawn_at - self.written_at
        evaluated = view.metrics != self.metrics and waited > min(2.0, self.seconds)
        if view.step == self.step or not (last or evaluated or waited >= self.seconds):
            return
        self.written_at, self.step, self.metrics = view.drawn_at, view.step, view.metrics
        count = f"step {view.step:,}/{view.total:,} ({view.step / view.total:.0%})" if view.total else f"step {view.step:,}"
        print(" · ".join([view.where(last), count, *view.texts()]), file=self.file, flush=True)


class Notebook:
    """A line and the curves so far, redrawn in place below the cell."""

    interval = 0.5

    def __init__(self) -> None:
        self.handle: Any = None

    def draw(self, view: View, last: bool) -> None:
        from IPython.display import HTML, display  # pyright: ignore  # only reached inside a notebook

        html = HTML(curves(view, last))
        if self.handle is None:
            self.handle = display(html, display_id=True)
        else:
            self.handle.update(html)


def curves(view: View, last: bool = False) -> str:
    """The notebook's picture of a view: a line of text and one chart for each family of values."""
    from weft.observe.charts import STYLE, line_chart
    from weft.observe.markup import tag

    families: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, points in view.history.items():
        families.setdefault(name.rsplit("/", 1)[-1], {})[name] = [(float(x), y) for x, y in points]
    count = f"step {view.step:,}" + (f"/{view.total:,}" if view.total else "")
    charts = [line_chart(title, series, width=400, height=230, fixed=True) for title, series in families.items()]
    text = tag("p", {"class": "weft-line"}, " · ".join([view.where(last), count, *view.texts()]))
    return str(tag("div", {"class": "weft"}, tag("style", {}, STYLE), text, tag("div", {"class": "weft-charts"}, *charts)))


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process. IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return shell is not None and "IPKernelApp" in getattr(shell, "config", {})


def short(value: float) -> str:
    """A rate in three digits.

    >>> short(0.123), short(12.3), short(1234), short(2_500_000)
    ('0.12', '12.3', '1,234', '2.5M')
    """
    if value >= 1e6:
        return f"{value / 1e6:.3g}M"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def clock(seconds: float) -> str:
    """A duration as a clock shows it.

    >>> clock(5), clock(65), clock(3700)
    ('5s', '1:05', '1:01:40')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
