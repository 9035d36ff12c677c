"""How far training is, in a terminal, a log file and a notebook."""

from __future__ import annotations

import io
import re
import sys
from types import SimpleNamespace

import pytest
import torch

from weft.engine import Epochs, Evaluation, Seconds, fit
from weft.losses.loss import Mean
from weft.observe import Progress
from weft.observe.progress import View, curves, in_notebook


class Terminal(io.StringIO):
    def isatty(self):
        return True


def timed(progress, times):
    """Give a listener a clock of our own."""
    progress.clock = lambda: times[0]
    return progress


def test_progress_shows_counters_rates_and_means(moment):
    """Closed form: Progress shows rates from its own clock, time left, and the weighted mean of the recent losses."""
    times, file = [100.0], io.StringIO()
    progress = timed(Progress(mode="lines", seconds=10, file=file), times)
    progress(moment(1, stage="probe", samples=32), {"loss": Mean(torch.tensor(4.0), 1)})
    times[0] += 20
    progress(
        moment(41, stage="probe", samples=1312, epoch=2, metrics={"val/accuracy": 0.75}), {"loss": Mean(torch.tensor(2.0), 2), "val/accuracy": 0.75}
    )
    first, second = file.getvalue().splitlines()
    assert first == "probe: epoch 1 · step 1/100 (1%) · loss 4"
    assert second == "probe: epoch 3 · step 41/100 (41%) · 64.0 samples/s, 2.0 steps/s · 30s left · loss 2 · val/accuracy 0.75"


def test_nothing_is_read_between_drawings(monkeypatch, moment):
    reads = []
    original = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda self: reads.append(1) or original(self))
    times = [0.0]
    progress = timed(Progress(mode="lines", file=io.StringIO()), times)
    progress(moment(1), {"loss": torch.tensor(1.0)})
    before = len(reads)
    for step in range(2, 1000):
        times[0] += 0.0001
        progress(moment(step), {"loss": torch.tensor(1.0)})
    assert before > 0 and len(reads) == before
    times[0] += 1.0
    progress(moment(1000), {"loss": torch.tensor(1.0)})
    assert len(reads) > before


def test_drawings_are_at_most_five_a_second(moment):
    times, drawn = [0.0], []
    progress = timed(Progress(mode="bar", file=Terminal()), times)
    progress(moment(1), {"loss": 1.0})
    progress.screen.draw = lambda view, last: drawn.append(times[0])
    for step in range(2, 1002):
        times[0] += 0.001
        progress(moment(step), {"loss": 1.0})
    assert 4 <= len(drawn) <= 5
    progress.close()


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines(moment):
    terminal, pipe = Terminal(), io.StringIO()
    for file in (terminal, pipe):
        progress = Progress(file=file)
        progress(moment(50, stage="[red]x", samples=400), {"loss": 0.25})
        progress.close()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    assert "━" in plain and "50/100" in plain and "[red]x" in plain, "names are no markup"
    assert "━" not in pipe.getvalue() and "\x1b" not in pipe.getvalue() and "step 50/100" in pipe.getvalue()


def test_time_left_is_known_for_an_end_in_seconds():
    view = View()
    state = SimpleNamespace(
        stage="", step=10, epoch=0, samples=80, seconds=30.0, total=None, metrics={}, progress=lambda: SimpleNamespace(fraction=0.25)
    )
    view.update(state, [{"loss": 1.0}], now=1.0)
    assert view.left() == pytest.approx(90.0)


def test_a_notebook_gets_curves_that_are_redrawn_in_place(monkeypatch, moment):
    shown, updated = [], []
    handle = SimpleNamespace(update=lambda html: updated.append(html.data))
    display = SimpleNamespace(HTML=lambda data: SimpleNamespace(data=data), display=lambda html, display_id: shown.append(html.data) or handle)
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    assert in_notebook()
    times = [0.0]
    progress = timed(Progress(), times)
    for step in range(1, 4):
        times[0] += 2
        progress(moment(step, metrics={"val/loss": 2.0 / step}), {"loss": 1.0 / step, "<b>": 1.0})
    progress.close()
    assert len(shown) == 1 and len(updated) == 3
    assert updated[-1].count("<svg") == 2, "loss and val/loss share a chart"
    assert "&lt;b&gt;" in updated[-1] and "<b>" not in updated[-1]


def test_curves_keep_a_bounded_history():
    view = View()
    for step in range(5000):
        view.remember("loss", step, float(step))
    points = view.history["loss"]
    assert len(points) <= 1000 and points[0] == (0, 0.0) and points[-1] == (4999, 4999.0)
    assert "<svg" in curves(view)


def test_every_evaluation_is_on_the_curves_however_seldom_they_are_drawn(moment):
    times = [0.0]
    progress = timed(Progress(mode="lines", file=io.StringIO()), times)
    for step in range(1, 30):
        times[0] += 0.001
        progress(moment(step, metrics={"val/loss": 1.0 / step}), {"loss": 1.0})
    assert [point for point, _ in progress.view.history["val/loss"]] == list(range(1, 30))


def test_without_a_kernel_there_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()


def test_other_ranks_show_nothing(monkeypatch, moment):
    monkeypatch.setenv("RANK", "1")
    file = io.StringIO()
    progress = Progress(mode="lines", file=file)
    progress(moment(), {"loss": 1.0})
    progress.close()
    assert file.getvalue() == ""


@pytest.mark.parametrize("until", [Epochs(2), Seconds(0.05)], ids=["epochs", "seconds"])
def test_a_real_training_ends_with_its_last_numbers(until, training, batches):
    method, update = training()
    file = io.StringIO()
    state = fit(method, batches, update, until=until, evaluate=Evaluation(batches), listeners=[Progress(mode="lines", file=file)])
    assert f"step {state.step:,}" in file.getvalue().splitlines()[-1] and f"val/loss {state.metrics['val/loss']:.4g}" in file.getvalue()


def test_an_unknown_mode_is_an_error():
    with pytest.raises(ValueError, match="'window'"):
        Progress(mode="window")
