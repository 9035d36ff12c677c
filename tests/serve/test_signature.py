"""Hostile input: what a signature promises and what it refuses."""

from __future__ import annotations

import json
import shutil
import stat

import pytest

pytest.importorskip("cryptography")

from tests.serve.conftest import OWN, RECORDS, contents, repack
from weft.serve import Bundle, BundleError, new_key, sign
from weft.serve.archive import canonical, describe, write


@pytest.fixture
def signed(saved, tmp_path):
    path = tmp_path / "signed.weft"
    shutil.copy(saved, path)
    public = new_key(tmp_path / "key.pem")
    assert sign(path, tmp_path / "key.pem") == public
    return path, public


def test_a_signed_bundle_opens_for_those_who_trust_its_key(signed, saved, tmp_path):
    path, public = signed
    bundle = Bundle.open(path, own=OWN, trust=[public])
    assert bundle.signer == public
    assert bundle.predict(RECORDS) == Bundle.open(saved, own=OWN).predict(RECORDS)
    (tmp_path / "public.txt").write_text(public + "\n")
    assert Bundle.open(path, own=OWN, trust=tmp_path / "public.txt").signer == public
    assert Bundle.open(path, own=OWN).signer == public
    assert Bundle.open(saved, own=OWN).signer is None
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_altered_after_signing_is_refused(signed, tmp_path):
    """Every checksum is made right again; only the signature tells."""
    path, public = signed
    changes = [
        lambda manifest, members: members.update({"metrics.json": canonical({"val/accuracy": 1.0})}),
        lambda manifest, members: members.update({"card.md": b"better than it is"}),
        lambda manifest, members: manifest.update(weft="9.9"),
        lambda manifest, members: manifest.update(signature={**manifest["signature"], "value": "AAAA"}),
        lambda manifest, members: manifest.update(signature={}),
        lambda manifest, members: manifest.update(signature="yes"),
        lambda manifest, members: manifest.update(signature={"key": "ed25519:????", "value": ""}),
    ]
    for number, change in enumerate(changes):
        altered = repack(path, tmp_path / f"altered{number}", change)
        for trust in ([public], None):
            with pytest.raises(BundleError, match="altered after it was signed"):
                Bundle.open(altered, own=OWN, trust=trust)


def test_another_key_or_none_is_refused_when_one_is_trusted(signed, saved, tmp_path):
    """An attacker who signs anew, or strips the signature, passes no reader who trusts a key."""
    path, public = signed
    mallory = new_key(tmp_path / "mallory.pem")
    sign(path, tmp_path / "mallory.pem")
    with pytest.raises(BundleError, match="none of the 1 trusted keys"):
        Bundle.open(path, own=OWN, trust=[public])
    assert Bundle.open(path, own=OWN, trust=[public, mallory]).signer == mallory
    with pytest.raises(BundleError, match="is not signed"):
        Bundle.open(saved, own=OWN, trust=[public])
    with pytest.raises(BundleError, match="is not signed"):
        Bundle.open(saved, own=OWN, trust=[])


def test_a_key_claimed_but_not_used_is_refused(signed, tmp_path):
    """The signed text names its key, so a signature cannot be passed off as another key's."""
    path, _ = signed
    other = new_key(tmp_path / "other.pem")
    manifest, members = contents(path)
    manifest["signature"]["key"] = other
    write(tmp_path / "claimed", {**manifest, "members": [describe(n, d) for n, d in members.items()]}, members)
    with pytest.raises(BundleError, match="altered"):
        Bundle.open(tmp_path / "claimed", own=OWN, trust=[other])


def test_what_is_no_key_is_said(signed, tmp_path):
    path, public = signed
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(ValueError, match="holds no unencrypted PEM private key"):
        sign(path, tmp_path / "junk.pem")
    with pytest.raises(ValueError, match="holds no public key"):
        Bundle.open(path, own=OWN, trust=[tmp_path / "junk.pem"])
    with pytest.raises(ValueError, match="has 3 bytes"):
        Bundle.open(path, own=OWN, trust=["ed25519:AAAA"])
    with pytest.raises(FileExistsError):
        new_key(tmp_path / "key.pem")
    assert json.loads(canonical(contents(path)[0]))["signature"]["key"] == public
