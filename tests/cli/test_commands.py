from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

import weft
from weft.cli import main


def said(capsys, *words):
    """What a command prints; it must succeed."""
    assert main([str(word) for word in words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys, *words):
    assert main([str(word) for word in words]) == 1
    text = capsys.readouterr().err
    assert text.startswith("weft: ") and "Traceback" not in text
    return text


def give(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_list_and_show(capsys):
    assert "image_classification" in said(capsys, "list", "recipe") and "cross_entropy" in said(capsys, "list")
    assert {"kind": "recipe", "name": "digits"}.items() <= next(
        e for e in json.loads(said(capsys, "list", "recipes", "--json")) if e["name"] == "digits"
    ).items()
    shown = said(capsys, "show", "recipe/digits")
    assert "epochs: int=" in shown and "overfit" in shown
    assert "(recipe," in said(capsys, "show", "digits") and "softmax" in said(capsys, "show", "cross_entropy")
    assert "``" not in shown + said(capsys, "show", "cross_entropy") + said(capsys, "list") + said(capsys, "list", "--json")
    assert "Did you mean" in refused(capsys, "show", "cross_entropie") and "Did you mean" in refused(capsys, "list", "metricks")


def test_run_with_a_file_of_parameters(capsys, tmp_path, own):
    (tmp_path / "params.yaml").write_text("hidden: 4\nepochs: 1\nprogress: false\n")
    text = said(capsys, "run", f"{own}:train", f"@{tmp_path / 'params.yaml'}", "epochs=2", f"run={tmp_path / 'run'}")
    assert "bundle.weft" in text and weft.Run.open(tmp_path / "run", read_only=True).spec["args"]["epochs"] == 2
    assert "already holds a run" in refused(capsys, "run", f"{own}:train", f"run={tmp_path / 'run'}")
    assert "bundle.weft" in said(capsys, "resume", tmp_path / "run")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digits", "epoch=3"], "no parameter 'epoch'. Did you mean 'epochs'"),
        (["digits", "epochs=many"], "epochs=many: expected a whole number"),
        (["digits", "epochs"], "'epochs' is not an argument; expected key=value"),
        (["digits", "precision=float8"], "expected one of auto, float32"),
        (["digits", "limit=2"], "up to 1"),
        (["image_classification"], "needs data=... (a path)"),
        (["image_classification", "data=nowhere"], "no folder 'nowhere'"),
        (["table", "data=nowhere.csv", "target=y"], "no file 'nowhere.csv'"),
        (["mine.py:train"], "There is no file"),
        (["digits", "@gone.yaml"], "no parameter file"),
    ],
)
def test_a_wrong_call_of_a_recipe_leaves_nothing(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, "run", *words)
    assert list(tmp_path.iterdir()) == []


def test_predict_pictures_in_every_form(capsys, tmp_path, monkeypatch, photo_run, photos):
    file = sorted((photos / "two").iterdir())[0]
    assert str(file) in said(capsys, "predict", photo_run, file)
    assert len(json.loads(said(capsys, "predict", photo_run, photos / "two", file, "--json"))) == 1 + len(list((photos / "two").iterdir()))
    give(monkeypatch, file.read_bytes())
    (answer,) = json.loads(said(capsys, "predict", photo_run / "bundle.weft", "-", "--json"))
    assert answer["input"] == "-" and abs(sum(answer["scores"].values()) - 1) < 1e-3
    out = tmp_path / "answers.csv"
    assert "1 answers" in said(capsys, "predict", photo_run, file, "--out", out)
    assert out.read_text().startswith("input,label,score,scores.")


def test_predict_refuses_and_writes_nothing(capsys, tmp_path, photo_run, photos):
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    assert "broken.png" in refused(capsys, "predict", photo_run, tmp_path / "broken.png", "--out", tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()
    assert "ends in .csv or .json" in refused(capsys, "predict", photo_run, photos, "--out", tmp_path / "a.xlsx")
    assert "nothing to predict" in refused(capsys, "predict", photo_run)
    assert "no run or bundle" in refused(capsys, "predict", tmp_path / "gone", photos)


def test_predict_rows_and_texts(capsys, tmp_path, monkeypatch, table_run, text_run, customers):
    assert len(json.loads(said(capsys, "predict", table_run, customers, "--json"))) == 200
    assert re.search(r"given\s+(yes|no)", said(capsys, "predict", table_run, "zone=0.5", "age=70", "city=Oslo", "price=190"))
    assert "which training never had" in refused(capsys, "predict", table_run, "zone=0.5", "age=70", "city=Cairo", "price=190")
    assert "expected a number" in refused(capsys, "predict", table_run, "zone=0.5", "age=old", "city=Oslo", "price=190")
    give(monkeypatch, b"a superb lovely film\nan awful dull boring film\n")
    assert [a["label"] for a in json.loads(said(capsys, "predict", text_run, "-", "--json"))] == ["good", "bad"]


def test_predict_goes_on_from_a_prompt(capsys, monkeypatch, language_run):
    """Contract: a prompt as a word, as a field or as a line of standard input gets the same text, and from /generate too."""
    (answer,) = json.loads(said(capsys, "predict", language_run, "the film was", "--json"))
    assert answer["input"] == "the film was" and isinstance(answer["text"], str)
    assert json.loads(said(capsys, "predict", language_run, "text=the film was", "--json"))[0]["text"] == answer["text"]
    give(monkeypatch, b"the film was\na\n")
    assert [a["text"] for a in json.loads(said(capsys, "predict", language_run, "-", "--json"))][0] == answer["text"]
    assert answer["text"].splitlines()[0].strip() in said(capsys, "predict", language_run, "the film was")
    assert "text=film" in refused(capsys, "predict", language_run, "film")
    assert "loss" in said(capsys, "evaluate", language_run) + said(
        capsys, "evaluate", language_run / "bundle.weft", f"data={language_run.parent / 'text.txt'}"
    )


def test_evaluate_held_out_and_other_data(capsys, tmp_path, table_run, photo_run, photos, customers):
    kept = json.loads((table_run / "result.json").read_text())["metrics"]
    assert json.loads(said(capsys, "evaluate", table_run, "--json")) == pytest.approx(kept)
    assert "auroc" in said(capsys, "evaluate", table_run / "bundle.weft", f"data={customers}")
    assert "accuracy" in (found := said(capsys, "evaluate", photo_run, f"data={photos}")) and said(capsys, "evaluate", photo_run, photos) == found
    assert "say on what" in refused(capsys, "evaluate", table_run / "bundle.weft")
    assert "takes data=" in refused(capsys, "evaluate", table_run, "epochs=3")
    strange = tmp_path / "photos"
    for name in ("one", "eleven"):
        (strange / name).mkdir(parents=True)
        (strange / name / "1.png").write_bytes(sorted((photos / "one").iterdir())[0].read_bytes())
    assert "'eleven' was not among the training classes" in refused(capsys, "evaluate", photo_run, f"data={strange}")


def test_compare_shows_what_differs(capsys, table_run, text_run):
    text = said(capsys, "compare", table_run, text_run)
    assert str(table_run) in text and "accuracy" in text
    assert "holds no run" in refused(capsys, "compare", table_run.parent / "gone")


def test_bundle_is_copied_signed_and_never_overwritten(capsys, tmp_path, monkeypatch, table_run):
    out = tmp_path / "customers.weft"
    said(capsys, "bundle", table_run, "--out", out)
    assert out.read_bytes() == (table_run / "bundle.weft").read_bytes()
    assert "is there already" in refused(capsys, "bundle", table_run, "--out", out)
    assert "no folder" in refused(capsys, "bundle", table_run, "--out", tmp_path / "gone" / "a.weft")
    pytest.importorskip("cryptography")
    signed = tmp_path / "signed.weft"
    key = re.search(r"ed25519:\S+", said(capsys, "bundle", table_run, "--out", signed, "--sign", tmp_path / "key.pem"))[0]
    row = ["zone=0.5", "age=70", "city=Oslo", "price=190"]
    assert "given" in said(capsys, "predict", signed, *row, "--trust", key)
    assert "not signed" in refused(capsys, "predict", out, *row, "--trust", key)
    (tmp_path / "bad.pem").write_text("no key")
    assert refused(capsys, "bundle", table_run, "--out", tmp_path / "third.weft", "--sign", tmp_path / "bad.pem")
    assert not (tmp_path / "third.weft").exists()


def test_an_unfinished_run_is_said_everywhere(capsys, tmp_path, own):
    run = weft.run(f"{own}:train", run=tmp_path / "run", progress=False).run
    (run / "result.json").unlink()
    for words in (["predict", run, "input=1"], ["evaluate", run], ["bundle", run], ["serve", run]):
        assert f"weft resume {run}" in refused(capsys, *words)


def test_a_damaged_or_strange_bundle_is_refused(capsys, tmp_path, table_run):
    whole = (table_run / "bundle.weft").read_bytes()
    for name, data in (
        ("cut", whole[:-100]),
        ("flipped", whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:]),
        ("other", b"PK\x03\x04 something else"),
    ):
        (tmp_path / f"{name}.weft").write_bytes(data)
        assert refused(capsys, "predict", tmp_path / f"{name}.weft", "age=3")


def test_serve_answers_and_ends_in_order(tmp_path, capsys, photo_run, photos):
    pytest.importorskip("fastapi")
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    server = subprocess.Popen([sys.executable, "-m", "weft", "serve", str(photo_run), "--port", "0"], stdout=subprocess.PIPE, text=True, env=env)
    try:
        address = re.search(r"http://\S+", server.stdout.readline())[0]
        picture = sorted((photos / "two").iterdir())[0].read_bytes()
        request = urllib.request.Request(f"{address}/predict", picture, {"Content-Type": "image/png"})
        (answer,) = json.load(urllib.request.urlopen(request, timeout=30))["predictions"]
        assert answer["label"] in answer["scores"]
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(urllib.request.Request(f"{address}/predict", b"{", {"Content-Type": "application/json"}), timeout=30)
        assert error.value.code == 400
        assert "is in use" in refused(capsys, "serve", photo_run, "--port", address.rpartition(":")[2])
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert "token" in refused(capsys, "serve", photo_run, "--host", "0.0.0.0", "--public")


def test_summary_counts_without_computing(capsys):
    table = said(capsys, "summary", "resnet50", "num_classes=1000", "--depth", "1")
    assert "25,557,032" in table and "4,089,184,256 multiply-adds" in table
    found = json.loads(said(capsys, "summary", "gpt", "vocabulary=65", "dim=32", "--input", "1x8:int", "--json"))
    assert found["layers"][0]["output"] == [[1, 8, 65]]
    assert main(["summary", "resnet18", "--input", "1xa"]) == 1
    assert "say 1x3x224x224" in capsys.readouterr().err


def test_doctor_says_what_there_is(capsys):
    assert "precision=auto" in said(capsys, "doctor")
    assert json.loads(said(capsys, "doctor", "--json"))["packages"]["torch"]
