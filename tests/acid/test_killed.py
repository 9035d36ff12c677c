"""SIGKILL at random moments: each life goes on from the last checkpoint, and the end is bit for bit that of a run left in peace."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# One process imports everything once and forks a child for each life. A child reports its steps on a pipe; the parent kills it a random time after
# the step it chose, so that deaths fall in the middle of steps, of checkpoints, of evaluations and of epochs.
DRIVER = """
import os, random, select, signal, sys, time
import torch
torch.set_num_threads(1)
from tests.acid import lives
scenario, folder, deaths, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)

def life(where, kill_after):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            out = os.fdopen(write, "w", buffering=1)
            getattr(lives, scenario)(where, lambda step: out.write(f"{step}\\n"))
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(3)
    os.close(write)
    source, seen = os.fdopen(read), 0
    if kill_after is not None:
        while seen < kill_after and source.readline():
            seen += 1
        time.sleep(chance.random() * 0.03)
        try:
            os.killpg(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
    else:
        source.read()
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status), status

assert life(folder + "/whole", None)[1] == 0
killed = 0
for _ in range(200):
    if killed == deaths:
        break
    died, status = life(folder + "/killed", chance.randint(1, 6))
    assert died or status == 0, status
    killed += died
    if not died:
        break
assert life(folder + "/killed", None)[1] == 0
print(f"killed {killed}")
"""


def survive(scenario: str, folder: Path, deaths: int) -> int:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])}
    seed = random.Random(scenario).randint(0, 10**6)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRIVER, scenario, str(folder), str(deaths), str(seed)],
        capture_output=True, text=True, env=env, timeout=900, check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    whole, killed = ((folder / name / "end").read_bytes() for name in ("whole", "killed"))
    assert whole == killed
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("scenario", ["classifier", "gan", "stages"])
def test_three_deaths_change_nothing(scenario, tmp_path):
    """Contract: classifier with two workers, shuffling, augmentation, dropout, plateau and early stop; GAN with EMA; a recipe of two stages."""
    assert survive(scenario, tmp_path, 3) == 3


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["classifier", "gan", "stages"])
def test_twenty_deaths_change_nothing(scenario, tmp_path):
    """Contract: as above, killed at twenty random moments."""
    assert survive(scenario, tmp_path, 20) == 20


def test_sigkill_is_what_it_says():
    """Property: the signal cannot be caught, so nothing was saved on the way out."""
    with pytest.raises(OSError, match="Invalid argument"):
        signal.signal(signal.SIGKILL, signal.SIG_IGN)
