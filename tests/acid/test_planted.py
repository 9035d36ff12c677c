"""A test that cannot fail is worse than none: each fault is planted in a copy of the library, and the test named beside it must catch it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRADIENT, UPDATE, ESTIMATORS = "engine/gradient.py", "engine/update.py", "optim/estimators.py"
RANKS = "engine/test_gradient.py::test_two_ranks_equal_one_process[even]"
RESUME = "engine/test_fit.py::test_resume_is_bitwise[7]"

# name -> (file, what stands there, what the fault makes of it, the test that sees it)
FAULTS = {
    "mean of means": (
        GRADIENT,
        "whole, coefficients = None, {k: t.weight for k, t in first.terms.items()}",
        "whole, coefficients = None, {k: t.weight * 20 / float(t.count) / len(parts) for k, t in first.terms.items()}",
        "engine/test_gradient.py::test_one_count_needs_one_pass[3]",
    ),
    "several counts taken from the piece": (
        GRADIENT,
        "coefficients = self._coefficients(whole, len(parts))",
        "coefficients = {k: v / len(parts) for k, v in self._coefficients(first).items()}",
        "engine/test_gradient.py::test_microbatches_equal_one_batch_on_ragged_terms[4]",
    ),
    "counts not reduced": (
        "parallel/reduce.py",
        "None if t.count is None else count, t.weight)",
        "None if t.count is None else float(t.count), t.weight)",
        RANKS,
    ),
    "gradients not reduced": ("parallel/reduce.py", "parameter.grad = total.view_as(parameter) if there else None", "pass", RANKS),
    "backward into another update's leaves": (
        GRADIENT,
        "self.inputs = None if update.alone else update.parameters",
        "self.inputs = None",
        "engine/test_fit.py::test_an_update_leaves_no_gradient_outside_its_own_parameters",
    ),
    "EMA inverted": (
        "optim/averages.py",
        "torch._foreach_lerp_(self.pairs[0], self.pairs[1], 1 - decay)",
        "torch._foreach_lerp_(self.pairs[0], self.pairs[1], decay)",
        "engine/test_fit.py::test_gan_is_bitwise_the_loop_written_by_hand",
    ),
    "no per-sample clipping": (
        ESTIMATORS,
        "alpha=min(1.0, self.clip / (float(norm) + 1e-6))",
        "alpha=1.0",
        "optim/test_estimators.py::test_private_clips_each_sample",
    ),
    "SAM not climbing": (
        ESTIMATORS,
        "p.add_(s.square() * g * (self.rho / (norm + 1e-12)))",
        "pass",
        "optim/test_estimators.py::test_sharpness_aware_equals_two_passes_by_hand",
    ),
    "SAM not returning": (
        ESTIMATORS,
        "for p, old in zip(moved, before, strict=True):\n                    p.copy_(old)",
        "for p, old in zip(moved, before, strict=True):\n                    pass",
        "optim/test_estimators.py::test_sharpness_aware_equals_two_passes_by_hand",
    ),
    "random state not restored": ("engine/state.py", 'random_state.restore(state["random"])', "pass", RESUME),
    "optimizer not restored": (UPDATE, "        self.carry_over(state)\n        for k in COUNTERS", "        for k in COUNTERS", RESUME),
    "arrow memory not restored": (
        UPDATE,
        "self.arrows[k].load_state_dict(saved)",
        "pass",
        "optim/test_averages.py::test_memories_resume_bit_for_bit",
    ),
    "schedule memory not restored": (UPDATE, "schedule.load_state_dict(saved)", "pass", "engine/test_fit.py::test_resume_is_bitwise[13]"),
    "transforms skipped": (UPDATE, "logs.update(transform(self.parameters) or {})", "pass", "engine/test_fit.py::test_clipping_is_that_of_torch"),
    "microbatches ignored": (
        GRADIENT,
        "parts = split(batch, self.update.spec.microbatches) if self.update.spec.microbatches > 1 else [batch]",
        "parts = [batch]",
        "engine/test_gradient.py::test_one_count_needs_one_pass[3]",
    ),
    "frozen parameters optimised": (
        "nn/freezing.py",
        "    return module.requires_grad_(False)",
        "    return module",
        "nn/test_freezing.py::test_a_frozen_part_stays_as_it_is_through_training",
    ),
    "frozen buffers moving": (
        "engine/method.py",
        "        keep_frozen(self)\n",
        "",
        "methods/supervised/test_distillation.py::test_the_teacher_does_not_move",
    ),
    "loader position of fetched instead of delivered": (
        "data/stream.py",
        "                self._epoch, self._position = epoch, number\n",
        "                self._epoch, self._position = epoch, number + self.workers\n",
        "data/test_stream.py::test_going_on_from_a_saved_position_equals_not_stopping",
    ),
    "second look with other randomness": (
        GRADIENT,
        "            random_state.restore(self.again)",
        "            pass",
        "engine/test_gradient.py::test_a_second_look_reuses_randomness_and_leaves_buffers",
    ),
    "evaluation draws from the training's generator": (
        "engine/evaluate.py",
        "with random_state.untouched(), eval_mode(method):",
        "with eval_mode(method):",
        "engine/test_evaluate.py::test_evaluation_leaves_no_trace",
    ),
}


def run(library: Path, test: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": f"{library}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1", "WEFT_SHAPES": "0"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{test}"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)


def planted(folder: Path, name: str) -> Path:
    file, there, fault, _ = FAULTS[name]
    shutil.copytree(ROOT / "src" / "weft", folder / "weft", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "weft" / file
    text = path.read_text()
    assert text.count(there) == 1, f"{file} holds {there!r} {text.count(there)} times; the fault must be planted in one place"
    path.write_text(text.replace(there, fault))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(name, tmp_path):
    """Property: with the fault the test fails on an assertion or an error of its own, not because it could not run."""
    done = run(planted(tmp_path, name), FAULTS[name][3])
    assert done.returncode == 1, f"the fault {name!r} went unseen, or nothing ran:\n{done.stdout[-2000:]}{done.stderr[-1000:]}"
    assert " failed" in done.stdout or "FAILED" in done.stdout


def test_every_fault_has_its_place(tmp_path):
    """Property: each fault still finds the line that it replaces, so that none has become empty."""
    for name in FAULTS:
        assert planted(tmp_path / name.replace(" ", "-"), name).exists()
