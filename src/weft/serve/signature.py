"""Who made a bundle: an ed25519 signature over its manifest, which lists the checksum of everything else.

A checksum finds accidents; only a signature by a key that you trust finds an attacker, who can compute checksums too.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from weft.serve.archive import Archive, BundleError, canonical, write

PREFIX = "ed25519:"


def _cryptography() -> tuple[Any, Any, Any]:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise ImportError("Signatures need the extra 'sign': pip install 'weft[sign]'") from error
    return ed25519, serialization, InvalidSignature


def new_key(path: str | Path) -> str:
    """Write a new private key to ``path`` (PEM, readable by its owner only) and return the public key to give to others.

    Raises ``FileExistsError`` rather than overwrite a key.
    Use when you hand bundles to others; instead of it, nothing: checksums need no key. Cost: keep the file secret and backed up.
    """
    ed25519, serialization, _ = _cryptography()
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    return _text(key.public_key(), serialization)


def sign(path: str | Path, private_key_file: str | Path) -> str:
    """Sign a bundle in place with a PEM private key and return the public key; the file is replaced atomically.

    Raises ``BundleError`` when the bundle is damaged, ``ValueError`` when the key file holds no ed25519 private key.
    Use when the reader must know that the bundle is yours: ``Bundle.open(path, trust=[public_key])`` refuses any other.
    """
    ed25519, serialization, _ = _cryptography()
    key = _private(Path(private_key_file), ed25519, serialization)
    with Archive(Path(path)) as archive:
        contents = {name: archive.read(name) for name in archive.members}
        manifest = archive.manifest
    public = _text(key.public_key(), serialization)
    value = base64.b64encode(key.sign(_signed(manifest | {"signature": {"key": public}}))).decode()
    write(Path(path), manifest | {"signature": {"key": public, "value": value}}, contents, replace=True)
    return public


def verify(manifest: Mapping[str, Any], path: Path, trust: Iterable[str | Path] | None) -> str | None:
    """Check a manifest's signature and return its public key, or None when it has none and none was asked for.

    ``trust`` holds public keys (``"ed25519:…"`` as ``new_key`` and ``sign`` return them, or PEM files). Without it a signature
    shows only that nothing was altered since, not who signed.
    Raises ``BundleError`` when the signature does not hold, when ``trust`` is given and the bundle is unsigned or signed by another.
    """
    signature = manifest.get("signature")
    trusted = None if trust is None else {_public(key) for key in ([trust] if isinstance(trust, str | Path) else trust)}
    if signature is None:
        if trusted is not None:
            raise BundleError(f"{path} is not signed, and only bundles of a trusted key were asked for. Ask its maker to sign it.")
        return None
    ed25519, _, InvalidSignature = _cryptography()
    try:
        key, value = signature["key"], base64.b64decode(signature["value"], validate=True)
        ed25519.Ed25519PublicKey.from_public_bytes(_raw(key)).verify(value, _signed(manifest))
    except (InvalidSignature, KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path} was altered after it was signed: its signature does not hold. Get it again from its maker.") from error
    if trusted is not None and key not in trusted:
        raise BundleError(f"{path} is signed by {key}, which is none of the {len(trusted)} trusted keys.")
    return key


def _signed(manifest: Mapping[str, Any]) -> bytes:
    """What is signed: all of the manifest but its checksum and the signature itself, with the key that signs."""
    body = {name: value for name, value in manifest.items() if name not in ("checksum", "signature")}
    return canonical(body | {"signed by": manifest["signature"]["key"]})


def _text(public: Any, serialization: Any) -> str:
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PREFIX + base64.b64encode(raw).decode()


def _raw(key: str) -> bytes:
    if not isinstance(key, str) or not key.startswith(PREFIX):
        raise ValueError(f"{key!r} is not a public key; expected {PREFIX}… as new_key and sign return it.")
    try:
        raw = base64.b64decode(key[len(PREFIX) :], validate=True)
    except binascii.Error as error:
        raise ValueError(f"The public key {key!r} is not base64 after {PREFIX!r}.") from error
    if len(raw) != 32:
        raise ValueError(f"The public key {key!r} has {len(raw)} bytes; an ed25519 key has 32.")
    return raw


def _public(key: str | Path) -> str:
    """A trusted key as text, from text or from a PEM file."""
    if isinstance(key, str) and key.startswith(PREFIX):
        return PREFIX + base64.b64encode(_raw(key)).decode()
    ed25519, serialization, _ = _cryptography()
    data = Path(key).read_bytes()
    if data.startswith(PREFIX.encode()):
        return _public(data.decode("ascii", "replace").strip())
    try:
        public = serialization.load_pem_public_key(data)
    except ValueError as error:
        raise ValueError(f"{key} holds no public key in PEM form. Give the text that new_key or sign returned, or a PEM file.") from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise ValueError(f"{key} holds another kind of key; expected ed25519.")
    return _text(public, serialization)


def _private(path: Path, ed25519: Any, serialization: Any) -> Any:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no unencrypted PEM private key. Make one with weft.serve.new_key({str(path)!r}).") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise ValueError(f"{path} holds another kind of key; expected ed25519. Make one with weft.serve.new_key.")
    return key
