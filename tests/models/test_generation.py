"""Generation: what is drawn, and that the state gives what reading anew would."""

from __future__ import annotations

import pytest
import torch

from weft.models.text import GPT, LSTMLM, generate, sample


def wild(network):
    """Weights large enough that the likeliest token is not a near-tie."""
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return network


def written(network, prompt, count, **options):
    return torch.stack(list(generate(network, prompt, count, **options)), 1)


@pytest.mark.parametrize("network", [wild(GPT(11, context=32, dim=16, depth=2, num_heads=2)), wild(LSTMLM(11, dim=16))], ids=["gpt", "lstm_lm"])
def test_greedy_equals_reading_the_text_anew(network):
    """Property: at temperature 0 each token is the likeliest after the whole text so far, read without a state."""
    prompt = torch.randint(0, 11, (3, 4))
    tokens = written(network, prompt, 12, temperature=0.0)
    text = prompt
    with torch.no_grad():
        for t in range(12):
            expected = network(text)[:, -1].argmax(-1)
            assert torch.equal(tokens[:, t], expected)
            text = torch.cat([text, expected[:, None]], 1)


def test_a_text_may_outgrow_the_context():
    """Property: a GPT of 8 positions writes 30 tokens from a prompt of 20."""
    network = GPT(11, context=8, dim=16, depth=1, num_heads=2)
    assert written(network, torch.randint(0, 11, (2, 20)), 30).shape == (2, 30)


def test_streams_and_leaves_the_network_as_it_was():
    """Property: the first token comes before the last is drawn; the mode is restored even when the reader stops early, and no graph is kept."""
    network = GPT(11, context=8, dim=16, depth=1, num_heads=2, dropout=0.5).train()
    tokens = generate(network, torch.tensor([[1]]), 1_000_000)
    first = next(tokens)
    assert network.training
    assert first.shape == (1,)
    assert not first.requires_grad
    tokens.close()
    assert network.training


def test_dropout_is_off_while_writing():
    """Property: a network in training mode writes what it writes in eval mode."""
    network = wild(GPT(11, context=32, dim=16, depth=2, num_heads=2, dropout=0.5))
    prompt = torch.tensor([[1, 2]])
    assert torch.equal(written(network.train(), prompt, 20, temperature=0.0), written(network.eval(), prompt, 20, temperature=0.0))


def test_the_same_generator_draws_the_same_text():
    network = GPT(11, context=32, dim=16, depth=1, num_heads=2)
    a, b, c = (written(network, torch.tensor([[1, 2]]), 20, generator=torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_alike_rows_are_drawn_alike_from_the_distribution():
    """Closed form: with shared random numbers equal rows get equal tokens, whose frequencies over 20,000 calls are softmax(logits / T) of the top k."""
    logits, generator = torch.tensor([[2.0, 1.0, 0.0, -1.0]] * 2), torch.Generator().manual_seed(0)
    for options, scaled in (({}, logits), ({"temperature": 2.0, "top_k": 3}, (logits / 2).masked_fill(logits < 0, float("-inf")))):
        drawn = torch.stack([sample(logits, generator=generator, alike=True, **options) for _ in range(20_000)])
        assert torch.equal(drawn[:, 0], drawn[:, 1])
        torch.testing.assert_close(torch.bincount(drawn[:, 0], minlength=4) / 20_000, scaled[0].softmax(0), rtol=0, atol=0.015)


def test_sample_draws_from_the_distribution():
    """Closed form: frequencies of 40,000 draws are softmax(logits / T), cut to the top k and normalised anew."""
    logits = torch.tensor([2.0, 1.0, 0.0, -1.0])
    rows = logits.expand(40_000, 4)
    for options, scaled in (({}, logits), ({"temperature": 2.0}, logits / 2), ({"top_k": 2}, logits.masked_fill(logits < 1, float("-inf")))):
        counts = torch.bincount(sample(rows, **options), minlength=4) / 40_000
        torch.testing.assert_close(counts, scaled.softmax(0), rtol=0, atol=0.012)
    assert (sample(rows, temperature=0.0) == 0).all()
    assert (sample(rows, top_k=1) == 0).all()
    assert sample(rows, top_k=9).max() == 3


def test_errors_come_before_the_first_token():
    network = GPT(11, context=8, dim=16, depth=1, num_heads=2)
    with pytest.raises(ValueError, match="prompt of at least one token"):
        generate(network, torch.zeros(1, 0, dtype=torch.long), 3)
    with pytest.raises(ValueError, match="temperature must be at least 0"):
        generate(network, torch.tensor([[1]]), 3, temperature=-1.0)
    with pytest.raises(ValueError, match="top_k at least 1"):
        generate(network, torch.tensor([[1]]), 3, top_k=0)
