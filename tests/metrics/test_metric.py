"""What every metric promises, walked over the shelf."""

from __future__ import annotations

import pytest
import torch

from weft import metrics

EXAMPLES = metrics.examples()


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
        batched.update({"output": output[part]}, {"target": target[part]})
    torch.testing.assert_close(torch.as_tensor(batched.compute()), whole)


@pytest.mark.parametrize("name", EXAMPLES)
def test_masked_items_do_not_count(name):
    """Property: whatever stands where the mask is False, the result is that of the kept items."""
    make, output, target = EXAMPLES[name]
    keep = torch.arange(len(output)) % 4 != 1
    wild = output.clone()
    wild[~keep] = float("nan")
    wrong = target.clone()
    wrong[~keep] = -100
    got = torch.as_tensor(fed(make, wild, wrong, keep).compute())
    torch.testing.assert_close(got, torch.as_tensor(fed(make, output[keep], target[keep]).compute()))


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
    metric = fed(make, output.bfloat16(), target)
    assert all(isinstance(value, torch.Tensor) for value in metric.state().values())
    assert torch.as_tensor(metric.compute()).isfinite().all()
    assert make().direction in ("max", "min")
