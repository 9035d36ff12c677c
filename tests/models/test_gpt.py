"""GPT against a slow one, and what causality promises."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from weft.losses import cross_entropy
from weft.models.text import GPT


def normed(x, norm):
    """RMSNorm, or layer normalisation where there is a bias."""
    if getattr(norm, "bias", None) is None:
        return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * norm.weight
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight + norm.bias


def turn(x, t):
    """Rotary positions of one head's vector at position t, pair by pair."""
    half = len(x) // 2
    out = x.clone()
    for i in range(half):
        angle = t * 10_000.0 ** (-2 * i / len(x))
        out[i] = x[i] * math.cos(angle) - x[i + half] * math.sin(angle)
        out[i + half] = x[i] * math.sin(angle) + x[i + half] * math.cos(angle)
    return out


def slow_gpt(network, tokens):
    """One sequence, token by token and head by head, from the papers' formulas."""
    table = network.embedding.weight
    x = table[tokens]
    for block in network.blocks:
        heads, d = block.attention.num_heads, x.shape[1]
        k = d // heads
        q, key, v = (normed(x, block.norm1) @ block.attention.qkv.weight.T).split(d, dim=1)
        mixed = torch.zeros_like(x)
        for h in range(heads):
            part = slice(h * k, (h + 1) * k)
            for t in range(len(x)):
                scores = torch.stack([torch.dot(turn(q[t, part], t), turn(key[s, part], s)) for s in range(t + 1)]) / math.sqrt(k)
                mixed[t, part] = scores.softmax(0) @ v[: t + 1, part]
        x = x + mixed @ block.attention.out.weight.T
        gate, value = (normed(x, block.norm2) @ block.feedforward.up.weight.T).chunk(2, dim=1)
        x = x + (F.silu(gate) * value) @ block.feedforward.down.weight.T
    return normed(x, network.norm) @ table.T


def tiny(**sizes):
    network = GPT(11, **{"context": 16, "dim": 16, "depth": 2, "num_heads": 2, **sizes})
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3, mean=1.0 if weight.ndim == 1 else 0.0)
    return network.eval()


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_equals_the_papers_formulas(norm):
    """Parity: GPT equals an independent, slow network that shares only the weights."""
    network, tokens = tiny(norm=norm), torch.randint(0, 11, (2, 9))
    with torch.no_grad():
        expected = torch.stack([slow_gpt(network, row) for row in tokens])
        torch.testing.assert_close(network(tokens), expected, rtol=1e-4, atol=1e-4)


def test_equals_transformers_llama():
    """Parity: the same weights in transformers' Llama, whose layers are these."""
    transformers = pytest.importorskip("transformers")
    network = tiny(norm="rms")
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=16, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=16,
        rms_norm_eps=1e-6, rope_theta=10_000.0, tie_word_embeddings=True,
    )  # fmt: skip
    llama = transformers.LlamaForCausalLM(config).eval()
    state = {"model.embed_tokens.weight": network.embedding.weight, "model.norm.weight": network.norm.weight, "lm_head.weight": network.embedding.weight}
    for i, block in enumerate(network.blocks):
        at = f"model.layers.{i}"
        q, k, v = block.attention.qkv.weight.chunk(3)
        gate, up = block.feedforward.up.weight.chunk(2)
        state |= {
            f"{at}.self_attn.q_proj.weight": q, f"{at}.self_attn.k_proj.weight": k, f"{at}.self_attn.v_proj.weight": v,
            f"{at}.self_attn.o_proj.weight": block.attention.out.weight, f"{at}.mlp.gate_proj.weight": gate, f"{at}.mlp.up_proj.weight": up,
            f"{at}.mlp.down_proj.weight": block.feedforward.down.weight,
            f"{at}.input_layernorm.weight": block.norm1.weight, f"{at}.post_attention_layernorm.weight": block.norm2.weight,
        }  # fmt: skip
    llama.load_state_dict(state)
    tokens = torch.randint(0, 11, (2, 9))
    with torch.no_grad():
        torch.testing.assert_close(network(tokens), llama(tokens).logits, rtol=1e-4, atol=1e-4)


def test_the_future_does_not_leak():
    """Property: changing a token changes no output before it, at any position, and changes its own."""
    network, tokens = tiny(), torch.randint(0, 10, (1, 8))
    before = network(tokens)
    for t in range(8):
        changed = tokens.clone()
        changed[0, t] = 10
        after = network(changed)
        torch.testing.assert_close(after[:, :t], before[:, :t])
        assert not torch.allclose(after[:, t], before[:, t])


def test_padding_at_the_end_leaves_no_trace():
    """Property: a shorter text padded to the right has the outputs it has alone."""
    network, tokens = tiny(), torch.randint(0, 11, (1, 5))
    padded = torch.cat([tokens, torch.zeros(1, 3, dtype=torch.long)], 1)
    torch.testing.assert_close(network(padded)[:, :5], network(tokens), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [1, 3, 16])
def test_cached_decoding_equals_reading_anew(length):
    """Property: decode, token by token, equals one pass over the window; when the context is full, over its last half and what follows."""
    network, tokens = tiny(), torch.randint(0, 11, (2, 40))
    state, start = None, max(0, length - 16)
    for t in range(length, 41):
        new = tokens[:, :length] if state is None else tokens[:, t - 1 : t]
        if t - start > 16:
            start = t - 8
        with torch.no_grad():
            logits, state = network.decode(new, state)
            torch.testing.assert_close(logits, network(tokens[:, start:t])[:, -1], rtol=1e-4, atol=1e-4)


def test_begins_at_the_entropy_of_a_guess():
    """Closed form: fresh weights say log(vocabulary) within 5 %, and one weight serves both ends."""
    network = GPT(65, context=32, dim=64)
    tokens = torch.randint(0, 65, (8, 33))
    loss = cross_entropy(network(tokens[:, :-1]), tokens[:, 1:], dim=-1).mean().item()
    assert loss == pytest.approx(math.log(65), rel=0.05)
    assert [name for name, p in network.named_parameters() if 65 in p.shape] == ["embedding.weight"]


def test_learns_to_copy():
    """Learned: a sequence repeated from its first half is predicted in the second, which takes attention; chance is log 8 = 2.08 nats."""
    network = GPT(8, context=16, dim=48, depth=2, num_heads=2)
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3)

    def copied(count):
        half = torch.randint(0, 8, (count, 8))
        return torch.cat([half, half], 1)

    for _ in range(250):
        tokens = copied(64)
        optimizer.zero_grad()
        cross_entropy(network(tokens[:, :-1]), tokens[:, 1:], dim=-1)[:, 8:].mean().backward()
        optimizer.step()
    tokens = copied(100)
    assert cross_entropy(network(tokens[:, :-1]), tokens[:, 1:], dim=-1)[:, 8:].mean() < 0.5


def test_errors_say_what_came():
    with pytest.raises(ValueError, match="17 tokens do not fit the context of 16"):
        tiny()(torch.zeros(1, 17, dtype=torch.long))
    with pytest.raises(ValueError, match="width 10 cannot be cut into 4 equal heads"):
        GPT(5, dim=10, num_heads=4)
