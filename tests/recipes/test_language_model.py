from __future__ import annotations

import math
import zipfile

import pytest
import torch

import weft
from tests.recipes.material import write_running_text
from weft.models.text import generate
from weft.recipes import continued, judge
from weft.serve import application

SMALL = {"context": 16, "model": {"name": "gpt", "args": {"dim": 32, "depth": 1, "num_heads": 2}}, "length": 20, "every": 50}


def test_running_text_becomes_a_model_that_continues_it(tmp_path):
    """Contract: the language_model recipe beats chance by far, shows samples, and its bundle writes on from a prompt."""
    data = write_running_text(tmp_path / "text.txt")
    result = weft.run("language_model", data=data, run=tmp_path / "run", progress=False, **SMALL)
    bundle = weft.Bundle.open(result.bundle)
    assert result.metrics["loss"] < 0.8 * math.log(bundle.codec.num_tokens)
    assert list((result.run / "samples").rglob("*.txt")) and "sample 1" in result.report.read_text()
    first, again = (continued(bundle, ["the film"], length=30)[0]["text"] for _ in range(2))
    assert first == again and first.startswith("the film") and len(first) == len("the film") + 30
    assert judge(bundle, data)["loss"] < 0.8 * math.log(bundle.codec.num_tokens)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short run on running text."""
    folder = tmp_path_factory.mktemp("language")
    return weft.run("language_model", data=write_running_text(folder / "text.txt"), quick=True, run=folder / "run", progress=False, **SMALL)


def test_the_bundle_generates_and_holds_the_weights_once(trained):
    """Contract: a prompt's continuation is as long as was asked for, the same each time and in any batch, and one file holds the weights."""
    bundle = weft.Bundle.open(trained.bundle)
    prompts = [{"text": text} for text in ("the film", "a", "the actors and the music were")]
    answers = bundle.generate(prompts)
    assert answers == [bundle.generate([prompt])[0] for prompt in prompts]
    assert all(answer.keys() == {"text"} and isinstance(answer["text"], str) for answer in answers)
    assert bundle.networks["generate"](bundle.encode(prompts[0])["input"][None])["tokens"].shape == (1, SMALL["length"])
    with zipfile.ZipFile(trained.bundle) as archive:
        assert [name for name in archive.namelist() if name.endswith(".safetensors")] == ["generate.safetensors"]
    with pytest.raises(ValueError, match="cannot predict; it can generate"):
        bundle.predict(prompts)
    with pytest.raises(ValueError, match="Record 1: A prompt needs a text"):
        bundle.generate([{"text": "a"}, {"text": ""}])


def test_temperature_0_writes_the_likeliest(tmp_path):
    """Contract: ``temperature`` reaches the bundle: at 0 the answer is that of the greedy network, drawn answers are others."""
    data = write_running_text(tmp_path / "text.txt")
    result = weft.run("language_model", data=data, quick=True, temperature=0.0, run=tmp_path / "run", progress=False, **SMALL)
    writer = weft.Bundle.open(result.bundle).networks["generate"]
    prompt = torch.tensor([[3, 4, 5]])
    greedy = torch.stack(list(generate(writer.network, prompt, SMALL["length"], temperature=0.0)), 1)
    assert torch.equal(writer(prompt)["tokens"], greedy)


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"length": 0}], ids=str)
def test_what_cannot_write_is_refused_before_training(tmp_path, wrong):
    data = write_running_text(tmp_path / "text.txt")
    with pytest.raises(ValueError, match=next(iter(wrong))):
        weft.run("language_model", data=data, run=tmp_path / "run", progress=False, **(SMALL | wrong))
    assert not (tmp_path / "run").exists()


def test_over_http_it_answers_as_the_bundle(trained):
    """Contract: POST /generate with prompts gives what the bundle gives; an empty one is refused."""
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    from tests.serve.conftest import client, error

    bundle = weft.Bundle.open(trained.bundle)
    prompts = [{"text": "the film"}, {"text": "a"}]
    with client(application(bundle)) as asking:
        reply = asking.post("/generate", json=prompts[0])
        assert reply.status_code == 200 and reply.json() == {"predictions": bundle.generate(prompts[:1])}
        assert asking.post("/generate", json=prompts).json() == {"predictions": bundle.generate(prompts)}
        assert asking.get("/card").json()["verbs"] == ["generate"]
        error(asking.post("/generate", json={"text": ""}), 422)
        error(asking.post("/predict", json=prompts), 404)


def test_a_network_that_only_predicts_is_continued_and_judged_as_well(trained, tmp_path):
    bundle = weft.Bundle.open(trained.bundle)
    network = bundle.networks["generate"].network
    weft.Bundle.save(tmp_path / "plain.weft", {"predict": network}, codec=bundle.codec)
    plain = weft.Bundle.open(tmp_path / "plain.weft")
    assert continued(plain, ["a"], length=9) == continued(bundle, ["a"], length=9)
    data = write_running_text(tmp_path / "text.txt")
    assert judge(plain, data) == judge(bundle, data)


def test_the_held_out_text_is_its_end_and_counts_once(tmp_path):
    data = write_running_text(tmp_path / "text.txt")
    seen = data.read_text()
    data.write_text(seen + "QQQQ" * 100)
    result = weft.run("language_model", data=data, quick=True, run=tmp_path / "run", progress=False, **SMALL)
    vocabulary = weft.Bundle.open(result.bundle).codec.vocabulary
    assert "Q" not in vocabulary, "tokens are learned from the training text alone"


@pytest.mark.parametrize(("text", "message"), [("", "holds no text"), ("short", "Shorten|tokens"), (None, "no file")])
def test_a_text_that_cannot_teach_is_refused(tmp_path, text, message):
    data = tmp_path / "text.txt"
    if text is not None:
        data.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        weft.run("language_model", data=data, run=tmp_path / "run", progress=False, **SMALL)
    assert not (tmp_path / "run").exists()


def test_pieces_of_words_are_learned_and_measured_by_the_byte(tmp_path):
    """Contract: with tokenizer=bpe the bundle writes whole text back, and bits_per_byte, unlike the loss, compares with characters."""
    data = write_running_text(tmp_path / "text.txt")
    found = {}
    for tokenizer, vocabulary in (("bpe", 270), ("characters", None), ("words", 30)):
        result = weft.run("language_model", data=data, tokenizer=tokenizer, vocabulary=vocabulary, run=tmp_path / tokenizer, progress=False, **SMALL)
        codec = weft.Bundle.open(result.bundle).codec
        text = data.read_text()
        held_out = text[round(0.9 * len(text)) :]
        tokens = len(codec.stream(held_out))
        bits = result.metrics["loss"] / math.log(2) * (tokens - 1) / tokens  # the first token is given, not predicted
        assert result.metrics["bits_per_byte"] == pytest.approx(bits * tokens / len(held_out.encode()), rel=0.02)
        found[tokenizer] = (result, tokens)
    assert found["words"][1] < found["bpe"][1] < found["characters"][1]
    bundle = weft.Bundle.open(found["bpe"][0].bundle)
    assert bundle.codec.num_tokens == 270 and bundle.generate([{"text": "the film"}])[0]["text"]
    assert bundle.codec.text(bundle.codec.stream("a Ünseen word 名")) == "a Ünseen word 名"
