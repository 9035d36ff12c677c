from __future__ import annotations

import importlib.metadata
import json

from weft.cli import doctor


def test_missing_extras_say_how_to_get_them(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in ("fastapi", "pyarrow"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = doctor.extras()
    assert found["serve"]["missing"][0] == "fastapi" and found["serve"]["get it"] == "pip install 'weft[serve]'"
    assert found["table"]["missing"] == ["pyarrow"] and set(found) == set(doctor.MEANING)
    text = doctor.written(doctor.examine())
    (line,) = (line for line in text.splitlines() if "weft[serve]" in line)  # where none of the extras is there, it names more
    assert "missing fastapi" in line and "pip install 'weft[serve]'" in line


def test_everything_is_json_and_the_machine_is_described():
    found = doctor.examine()
    assert json.loads(json.dumps(found))["processor"]["cores"] >= 1
    assert set(found["processor"]["abilities"]) <= {*doctor.FLAGS, "default", "avx512"} and found["auto device"].split(":")[0] in ("cpu", "cuda", "mps", "xpu")


def test_the_second_column_is_aligned():
    """Property: behind the longest name too there are two spaces, and every value begins where the first does."""
    found = doctor.examine()
    lines = doctor.written(found).splitlines()
    start = lines[0].index(found["python"])
    assert any(line.startswith("extra tensorboard") for line in lines)
    assert all(line[start - 2 : start] == "  " and line[start] != " " for line in lines)
