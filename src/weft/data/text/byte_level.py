"""Bytes as printable characters, in GPT-2's alphabet, so that byte tokens can stand in text files."""

from __future__ import annotations

from collections.abc import Iterable

from weft.data.text.tokenizer import to_bytes


def alphabet() -> dict[int, str]:
    """Byte to character: printable Latin-1 stands for itself, the rest for the characters from U+0100 on.

    >>> alphabet()[65], alphabet()[32]
    ('A', 'Ġ')
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(rest)}


CHARACTER_OF = alphabet()
BYTE_OF = {character: byte for byte, character in CHARACTER_OF.items()}
LATIN = str.maketrans({chr(byte): character for byte, character in CHARACTER_OF.items()})


def as_characters(text: str) -> str:
    """The bytes of a text in the alphabet.

    >>> as_characters(" é")
    'ĠÃ©'
    """
    return to_bytes(text).decode("latin-1").translate(LATIN)


def as_bytes(tokens: Iterable[str]) -> bytes:
    """The bytes that tokens in the alphabet stand for; another character is written as UTF-8."""
    out = bytearray()
    for token in tokens:
        for character in token:
            byte = BYTE_OF.get(character)
            out += bytes([byte]) if byte is not None else character.encode("utf-8", "surrogatepass")
    return bytes(out)


def widths(text: str) -> list[int]:
    """How many bytes each character of a text has.

    >>> widths("aé世")
    [1, 2, 3]
    """
    return [1] * len(text) if text.isascii() else [len(to_bytes(character)) for character in text]
