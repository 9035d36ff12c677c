"""What the tests of recipes share: a quick trial of one, and the means of its result over seeds."""

from __future__ import annotations

import weft
from weft.recipes import Result, reevaluate


def trial(name: str, folder, record: dict) -> tuple[Result, dict]:
    """A quick run, measured again as it was, and what its bundle answers to a record."""
    result = weft.run(name, quick=True, run=folder / "run", progress=False)
    assert reevaluate(result.run).metrics == result.metrics
    (answer,) = weft.Bundle.open(result.bundle).predict([record])
    return result, answer


def means(name: str, folder, seeds: int = 5) -> dict[str, float]:
    """Each number of the result, the mean of as many seeds; in float32 on the processor, as it was measured for the docstring."""
    found = [weft.run(name, seed=seed, device="cpu", precision="float32", run=folder / str(seed), progress=False).metrics for seed in range(seeds)]
    print(name, *(f"{key} {[round(metrics[key], 4) for metrics in found]}" for key in found[0]), sep="\n  ")
    return {key: sum(metrics[key] for metrics in found) / seeds for key in found[0]}
