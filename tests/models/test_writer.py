"""Writing: each prompt gets what it would get alone, from the language model's own weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import weft
from tests.models.test_generation import wild
from weft.models.text import GPT, LSTMLM, TextWriter, generate

NETWORKS = {"gpt": lambda: GPT(11, context=16, dim=16, depth=2, num_heads=2), "lstm_lm": lambda: LSTMLM(11, dim=16)}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_the_likeliest_tokens_are_those_of_generate(make):
    """TextWriter, parity: with ``generate`` at temperature 0."""
    torch.manual_seed(0)
    network, prompt = wild(make()), torch.randint(0, 11, (3, 4))
    expected = torch.stack(list(generate(network, prompt, 20, temperature=0.0)), 1)
    assert torch.equal(TextWriter(network, length=20)(prompt)["tokens"], expected)


@pytest.mark.parametrize("options", [{}, {"temperature": 1.0}, {"temperature": 0.7, "top_k": 4}], ids=str)
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_prompt_gets_the_same_text_in_any_batch(make, options):
    """TextWriter, property: padded prompts of several lengths in one batch get what each gets alone, drawn or not, and again."""
    torch.manual_seed(0)
    writer = TextWriter(wild(make()), length=12, **options)
    prompts = [[3, 1, 4, 1, 5], [2], [7, 1, 8], [2, 7, 1]]
    padded = torch.tensor([prompt + [0] * (5 - len(prompt)) for prompt in prompts])
    attend = torch.tensor([[i < len(prompt) for i in range(5)] for prompt in prompts])
    together = writer(padded, attend)["tokens"]
    torch.rand(3)  # what others draw changes nothing
    for prompt, tokens in zip(prompts, together, strict=True):
        assert torch.equal(writer(torch.tensor([prompt]))["tokens"][0], tokens)


def test_the_seed_decides_what_is_drawn():
    """TextWriter, property: another seed writes another text."""
    torch.manual_seed(0)
    network, prompt = GPT(11, context=16, dim=16, depth=1, num_heads=2), torch.tensor([[1, 2]])
    one, again, other = (TextWriter(network, length=20, temperature=1.0, seed=seed)(prompt)["tokens"] for seed in (3, 3, 4))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_its_weights_are_the_networks_own():
    """TextWriter, contract: training the network changes what is written, and the state is the network's, stored once."""
    network = LSTMLM(11, dim=16)
    writer = TextWriter(network, length=4)
    assert {name: value.data_ptr() for name, value in writer.state_dict().items()} == {f"network.{n}": v.data_ptr() for n, v in network.state_dict().items()}
    with torch.no_grad():
        network.embedding.weight.zero_()
        network.embedding.weight[7] = 1.0
        for name, weight in network.lstm.named_parameters():
            weight.fill_(2.0 if "bias" in name else 0.0)
    assert writer(torch.tensor([[1, 2]]))["tokens"].tolist() == [[7] * 4]


def test_it_is_made_again_from_its_spec():
    network = weft.build("gpt", {"vocabulary": 11, "context": 16, "dim": 16, "depth": 1, "num_heads": 2})
    writer = weft.build("text_writer", {"network": network, "length": 6, "temperature": 0.5})
    assert writer.network is network
    twin = weft.build(weft.spec_of(writer))
    twin.load_state_dict(writer.state_dict())
    assert torch.equal(twin(torch.tensor([[1, 2]]))["tokens"], writer(torch.tensor([[1, 2]]))["tokens"])


def test_what_cannot_write_is_refused():
    network = LSTMLM(11, dim=16)
    with pytest.raises(TypeError, match="a Linear has none"):
        TextWriter(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="at least one token"):
        TextWriter(network, length=0)
    for wrong in ({"temperature": -1.0}, {"top_k": 0}):
        with pytest.raises(ValueError, match="temperature must be at least 0"):
            TextWriter(network, **wrong)
    with pytest.raises(ValueError, match="at least one token"):
        TextWriter(network)(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.bool))
