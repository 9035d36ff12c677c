"""What every metric promises, walked over the shelf."""

from __future__ import annotations

import math

import pytest
import torch

from tests.engine.toys import two_ranks
from weft import metrics
from weft.engine import Method, evaluate
from weft.metrics.metric import measured

EXAMPLES = metrics.examples()
NEEDS = {"bleu": "sacrebleu", "rouge": "rouge_score"}                 # packages of the extra text-metrics


@pytest.fixture(autouse=True)
def its_package(request):
    """Skip what needs a package that is not there."""
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])


def take(values, places):
    """Those at the places, of a tensor or of a list of texts."""
    return values[places] if isinstance(values, torch.Tensor) else [values[i] for i in places]


def spoiled(values, keep, filler):
    """A copy that is worthless where the mask is False."""
    if isinstance(values, torch.Tensor):
        values = values.clone()
        values[~keep] = filler
        return values
    return [value if kept else "nonsense" for value, kept in zip(values, keep.tolist(), strict=True)]


def fed(make, output, target, mask=None):
    metric = make()
    batch = {"target": target} if mask is None else {"target": target, "mask": mask}
    metric.update({"output": output}, batch)
    return metric


def test_every_entry_has_an_example():
    assert EXAMPLES.keys() == metrics.TABLE.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_merged_shards_give_what_the_whole_gives(name):
    """Contract: shards of any size, an empty one too, merged in any order, equal the whole."""
    make, output, target = EXAMPLES[name]
    whole = torch.as_tensor(fed(make, output, target).compute())
    merged = make()
    for a, b in ((7, 12), (0, 0), (2, 7), (0, 2)):
        merged.merge(fed(make, output[a:b], target[a:b]).state())
    torch.testing.assert_close(torch.as_tensor(merged.compute()), whole)
    batched = make()
    for part in torch.arange(len(output)).split(5):
        batched.update({"output": take(output, part)}, {"target": take(target, part)})
    torch.testing.assert_close(torch.as_tensor(batched.compute()), whole)


@pytest.mark.parametrize("name", EXAMPLES)
def test_masked_items_do_not_count(name):
    """Property: whatever stands where the mask is False, the result is that of the kept items."""
    make, output, target = EXAMPLES[name]
    keep = torch.arange(len(output)) % 4 != 1
    got = torch.as_tensor(fed(make, spoiled(output, keep, float("nan")), spoiled(target, keep, -100), keep).compute())
    rows = keep.nonzero()[:, 0]
    torch.testing.assert_close(got, torch.as_tensor(fed(make, take(output, rows), take(target, rows)).compute()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_reset_forgets_and_errors_teach(name):
    """Contract: reset returns to the beginning; computing nothing, a missing key and a float mask raise and say what to do."""
    make, output, target = EXAMPLES[name]
    metric = fed(make, output, target)
    before = torch.as_tensor(metric.compute())
    metric.reset()
    assert metric.state() == {}
    with pytest.raises(ValueError, match=r"has seen no batch; call update"):
        metric.compute()
    metric.update({"output": output}, {"target": target})
    torch.testing.assert_close(torch.as_tensor(metric.compute()), before)
    with pytest.raises(KeyError, match="looks for 'output' in the prediction, which has \\['logits'\\]"):
        metric.update({"logits": output}, {"target": target})
    with pytest.raises((TypeError, ValueError), match=r"mask is boolean|whole rows|Expected type|type-check"):
        metric.update({"output": output}, {"target": target, "mask": torch.ones(len(output))})


@pytest.mark.parametrize("name", EXAMPLES)
def test_state_is_tensors_and_survives_half_precision(name):
    """Contract: the state is a dict of tensors (it is gathered over ranks), and bfloat16 outputs are taken."""
    make, output, target = EXAMPLES[name]
    metric = fed(make, output.bfloat16() if isinstance(output, torch.Tensor) else output, target)
    assert all(isinstance(value, torch.Tensor) for value in metric.state().values())
    assert torch.as_tensor(metric.compute()).isfinite().all()
    assert make().direction in ("max", "min")


@pytest.mark.parametrize("name", [name for name, (_, output, _) in EXAMPLES.items() if isinstance(output, torch.Tensor)])
def test_what_is_said_to_be_differentiable_is(name):
    """Property: ``differentiable`` is whether a gradient that is finite and not zero reaches the outputs."""
    make, output, target = EXAMPLES[name]
    metric, output = make(), output.clone().requires_grad_()
    value = metric.result(metric.observe(output, target, None))
    assert value.requires_grad == metric.differentiable
    if metric.differentiable:
        value.backward()
        assert output.grad.isfinite().all() and output.grad.any()


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_masked_items_are_an_error_or_said_to_be_undefined(name):
    """Contract: all items masked never gives a number that looks measured."""
    make, output, target = EXAMPLES[name]
    nothing = torch.zeros(len(output), dtype=torch.bool)
    metric = fed(make, output, target, nothing)
    if name in ("auroc", "r2", "adjusted_r2"):
        with pytest.warns(UserWarning, match="is NaN"):
            assert math.isnan(metric.compute())
    elif name in ("confusion_matrix", "average_precision"):           # counts of nothing; precision without a positive
        assert not torch.as_tensor(metric.compute()).any()
    else:
        with pytest.raises(ValueError, match="nothing to compute"):
            metric.compute()


def test_a_value_of_nan_warns_and_says_why():
    """Property: an undefined value is NaN and heard of."""
    with pytest.warns(UserWarning, match="Pearson is NaN"):
        assert math.isnan(measured(metrics.Pearson(), torch.ones(4), torch.arange(4.0)))


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n not in ("auroc", "average_precision", "spearman", "retrieval_recall", "multilabel_average_precision")])
def test_memory_does_not_grow_with_the_data(name):
    """Property: the state of ten batches is as large as that of one, but for those whose cost says that they keep everything."""
    make, output, target = EXAMPLES[name]
    metric = fed(make, output, target)
    one = sum(value.numel() for value in metric.state().values())
    for _ in range(9):
        metric.update({"output": output}, {"target": target})
    assert sum(value.numel() for value in metric.state().values()) == one


RANKS = """
import sys, torch
from tests.metrics.test_metric import Echo, found
from weft.parallel import join
join(); rank = torch.distributed.get_rank()
torch.save(found(((0, 5), (5, 6), (6, 12))[rank]), f"{sys.argv[1]}-{rank}")
"""


class Echo(Method):
    """A method that predicts what the batch already says."""

    def __init__(self):
        super().__init__()
        self.network = torch.nn.Identity()

    def predict(self, batch):
        return {"output": batch["output"]}


def found(*parts):
    """Every metric of tensors that is one number, over these parts of its example."""
    torch.manual_seed(0)
    examples = metrics.examples()
    values = {}
    for name, (make, output, target) in examples.items():
        if isinstance(output, torch.Tensor) and name != "confusion_matrix":
            batches = [{"output": output[a:b], "target": target[a:b]} for a, b in parts]
            values[name] = torch.tensor(evaluate(Echo(), batches, {name: make()})[name])
    return values


@pytest.mark.slow
def test_three_ranks_measure_what_one_does(tmp_path):
    """Brute force: every metric over uneven shards of three gloo ranks, on each of them, is that of one process."""
    two_ranks(RANKS, str(tmp_path / "out"), ranks=3)
    wanted = found((0, 12))
    for rank in range(3):
        got = torch.load(tmp_path / f"out-{rank}", weights_only=True)
        assert {k: float(v) for k, v in got.items()} == pytest.approx({k: float(v) for k, v in wanted.items()}, rel=1e-5)
