"""Hostile input: what is said of a body that holds no good records."""

from __future__ import annotations

import base64
import json

import pytest

from tests.serve.conftest import png
from weft.data import FieldsCodec
from weft.serve.intake import example, file_fields, from_files, from_json
from weft.serve.limits import Limits, Refused

SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 150},
        "colour": {"type": "string", "enum": ["red", "green", "blue"]},
        "note": {"type": "string", "maxLength": 10},
        "score": {"type": "number"},
        "member": {"type": "boolean"},
    },
    "required": ["age"],
}
IMAGE = {"type": "object", "properties": {"image": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/*"}}, "required": ["image"]}


def refusal(body, schema=SCHEMA, limits=None):
    with pytest.raises(Refused) as caught:
        from_json(body if isinstance(body, bytes) else json.dumps(body).encode(), schema, limits or Limits())
    return caught.value.status, caught.value.message


def test_one_record_a_list_and_an_envelope_are_the_same():
    record = {"age": 3, "colour": "red", "note": "x", "score": 1, "member": True}
    for body in (record, [record], {"records": [record]}):
        assert from_json(json.dumps(body).encode(), SCHEMA, Limits()) == [record]
    assert from_json(b'{"age": null}', SCHEMA, Limits()) == [{"age": None}]
    assert from_json(json.dumps(example(SCHEMA)).encode(), SCHEMA, Limits())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"age": NaN}', "NaN is not a JSON number"),
        (b'{"age": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"age": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"a":' * 200_000, "nested too deep"),
    ],
)
def test_what_is_no_json_is_400(body, said):
    status, message = refusal(body)
    assert status == 400 and said in message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "holds no record"),
        (3, "Record 0 is of type number"),
        (None, "Record 0 is of type null"),
        ([{"age": 1}, "x"], "Record 1 is of type string"),
        ({}, "Record 0 lacks 'age'"),
        ({"age": 1, "color": "red"}, "unknown field 'color'. Did you mean 'colour'"),
        ({"age": 1, "zzz": "red"}, "unknown field 'zzz'. Known: age, colour, member, note, score."),
        ({"age": "3"}, "Record 0: age is of type string; expected integer or null"),
        ({"age": True}, "age is of type boolean"),
        ({"age": 1.5}, "age is of type number; expected integer or null"),
        ({"age": 151}, "age is 151; expected 0 to 150"),
        ([{"age": 1}, {"age": 1, "colour": "gren"}], "Record 1: colour is 'gren', which is none of its 3 values. Did you mean 'green'"),
        ({"age": 1, "score": 10**30}, "score is too large a number"),
        ({"age": 1, "score": {"a": 1}}, "score is of type object"),
    ],
)
def test_a_record_that_is_wrong_is_422_and_named(body, said):
    status, message = refusal(body)
    assert status == 422 and said in message


def test_1e999_and_half_a_character_are_refused():
    assert "too large a number" in refusal(b'{"age": 1, "score": 1e999}')[1]
    assert "half a character" in refusal(b'{"age": 1, "note": "\\ud800"}')[1]
    assert refusal(b'{"age": 1, "\\ud800": 1}')[0] == 422


def test_too_much_is_413():
    assert refusal([{"age": 1}] * 65) == (413, "The request holds 65 records; at most 64 are taken at once. Send several requests.")
    assert refusal({"age": 1, "note": "x" * 11}) == (413, "Record 0: note has 11 characters; at most 10 are taken.")
    assert refusal({"age": 1, "note": "x" * 9}, limits=Limits(characters=8))[0] == 413


def test_pictures_are_decoded_from_base64_and_never_read_from_a_path_or_url(tmp_path):
    file = tmp_path / "secret.png"
    file.write_bytes(png())
    text = base64.b64encode(png()).decode()
    assert file_fields(IMAGE) == ["image"]
    for good in (text, "data:image/png;base64," + text):
        assert from_json(json.dumps({"image": good}).encode(), IMAGE, Limits()) == [{"image": png()}]
    for path in (str(file), f"file://{file}", "http://127.0.0.1/x.png", "/etc/passwd", "../secret.png"):
        status, message = refusal({"image": path}, IMAGE)
        assert status == 422 and ("never read" in message or "no" in message)


def test_a_bomb_a_stranger_and_nothing_are_refused_before_decoding():
    bomb = png(8_000, 7_000, 0)
    assert len(bomb) < 100_000
    limits = Limits()
    with pytest.raises(Refused) as caught:
        from_files([("image", bomb)], IMAGE, limits)
    assert caught.value.status == 413 and "pixels" in caught.value.message
    with pytest.raises(Refused) as caught:
        from_files([("image", png(20, 30))], IMAGE, Limits(pixels=599))
    assert caught.value.message == "Record 0: image has 20 x 30 pixels; at most 599 are taken. Scale it down."
    for data in (b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", png()[:20], b"\x80\x04K\x01."):
        with pytest.raises(Refused) as caught:
            from_files([("image", png()), ("image", data)], IMAGE, limits)
        assert caught.value.status == 422 and caught.value.message.startswith("Record 1: image")


def test_an_upload_has_the_name_of_the_field():
    assert from_files([("image", png()), ("image", png(3, 3))], IMAGE, Limits()) == [{"image": png()}, {"image": png(3, 3)}]
    with pytest.raises(Refused) as caught:
        from_files([("img", png())], IMAGE, Limits())
    assert caught.value.message == "The upload has a part named 'img'; expected 'image', once for each file."
    with pytest.raises(Refused) as caught:
        from_files([("image", png())], SCHEMA, Limits())
    assert caught.value.status == 415


def test_a_file_among_several_fields_is_bytes_and_never_a_path(tmp_path):
    """Hostile input: a record of declared fields cannot make the server open a file of its own."""
    (tmp_path / "secret.png").write_bytes(png())
    learned = [{"mean": [0.5], "std": [0.5]}, {"mean": 0.0, "std": 1.0}]
    fields = [{"column": "photo", "kind": "image", "size": 4, "channels": 1}, {"column": "year", "kind": "number"}]
    schema = FieldsCodec(fields, learned).schema()
    assert "a path or URL is never read" in str(refusal({"photo": str(tmp_path / "secret.png"), "year": 1}, schema))
    (record,) = from_json(json.dumps({"photo": base64.b64encode(png()).decode(), "year": 1}).encode(), schema, Limits())
    assert record == {"photo": png(), "year": 1} and FieldsCodec(fields, learned).encode(record)["photo"].shape == (1, 4, 4)
