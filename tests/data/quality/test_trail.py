"""The trail of changes: whoever alters it is seen."""

from __future__ import annotations

import json

import pytest

from weft.data import AuditTrail, Manifest


@pytest.fixture
def trail(tmp_path):
    made = AuditTrail(tmp_path / "trail.jsonl")
    for i in range(4):
        made.add("anna", f"step {i}", f"v{i}", f"v{i + 1}", reason="because")
    return made


def test_the_trail_tells_all_in_order(trail):
    changes = AuditTrail(trail.path).verify(head=trail.head)
    assert [change.what for change in changes] == ["step 0", "step 1", "step 2", "step 3"] and trail.version == "v4"
    assert changes[2].who == "anna" and changes[2].reason == "because" and changes[3].previous == changes[2].hash


@pytest.mark.parametrize("tamper", ["alter", "rehash", "remove", "swap", "insert", "garbage"])
def test_tampering_is_found_with_its_line(trail, tamper):
    lines = trail.path.read_text().splitlines()
    entry = json.loads(lines[1]) | {"who": "eve"}
    if tamper == "rehash":
        entry["hash"] = type(trail.verify()[1])(**{key: value for key, value in entry.items() if key != "hash"}).hash
    made = {
        "alter": [lines[0], json.dumps(entry), *lines[2:]],
        "rehash": [lines[0], json.dumps(entry), *lines[2:]],
        "remove": [lines[0], *lines[2:]],
        "swap": [lines[1], lines[0], *lines[2:]],
        "insert": [lines[0], lines[1], lines[1], *lines[2:]],
        "garbage": [lines[0], "{", *lines[2:]],
    }[tamper]
    trail.path.write_text("\n".join(made) + "\n")
    with pytest.raises(ValueError, match=r"line [123]"):
        trail.verify()


def test_a_cut_end_is_found_by_the_head(trail):
    head = trail.head
    lines = trail.path.read_text().splitlines()
    trail.path.write_text("\n".join(lines[:-1]) + "\n")
    assert len(trail.verify()) == 3
    with pytest.raises(ValueError, match="entries are missing at its end"):
        trail.verify(head=head)


def test_a_change_must_start_where_the_last_one_ended(trail):
    with pytest.raises(ValueError, match="ends at version 'v4', but the change starts from 'v9'"):
        trail.add("anna", "odd", "v9", "v10")
    assert len(trail.verify()) == 4


def test_replaying_the_changes_gives_the_version(tmp_path):
    """The versions are those of manifests: removing what each change says was removed reproduces the last one."""
    trail, rows = AuditTrail(tmp_path / "trail.jsonl"), [{"id": i} for i in range(6)]
    now = list(rows)
    for gone in (4, 1):
        before = Manifest.of(now).version
        now = [row for row in now if row["id"] != gone]
        trail.add("anna", f"removed {gone}", before, Manifest.of(now).version)
    replayed = list(rows)
    for change in trail.verify():
        replayed = [row for row in replayed if f"removed {row['id']}" != change.what]
        assert Manifest.of(replayed).version == change.after
    assert trail.version == Manifest.of(replayed).version and AuditTrail(tmp_path / "new.jsonl").version is None
