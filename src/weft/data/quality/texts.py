"""One text: its encoding, mojibake, control characters, length."""

from __future__ import annotations

import re
from typing import Any

from weft.data.quality.findings import Examined, Problem

CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff\ufffd\ud800-\udfff]")
# UTF-8 as it must look: after a first byte exactly the right number of following ones
SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
BYTES = {bytes([byte]).decode("cp1252", "ignore") or chr(byte): byte for byte in range(0x80, 0x100)}  # cp1252; its five gaps as in latin-1
BYTES |= {chr(byte): byte for byte in range(0x80, 0xA0) if chr(byte) not in BYTES}
RUN = re.compile("[" + "".join(map(re.escape, BYTES)) + "]{2,}")


def mend_text(text: str) -> str:
    """Text in which mojibake (UTF-8 that was read as cp1252 or latin-1, once or several times) is undone; other text stays as it is.

    Only runs of letters that are valid UTF-8 when written back as bytes change, so that "é" alone stays. What was lost (U+FFFD) cannot
    come back.

    Use before tokenizing; instead of it, the package ftfy for a larger set of faults. Cost: one regular expression.

    >>> mend_text("cafÃ© â€“ naïve")
    'café – naïve'
    """
    for _ in range(3):
        mended = RUN.sub(lambda run: _decoded(run[0]), text)
        if mended == text:
            break
        text = mended
    return text


def _decoded(run: str) -> str:
    data = bytes(BYTES[letter] for letter in run)
    made, start = [], 0
    for match in SEQUENCE.finditer(data):
        try:
            letter = match[0].decode("utf-8")
        except UnicodeDecodeError:  # overlong forms and surrogates
            continue
        made += [run[start : match.start()], letter]
        start = match.end()
    return "".join([*made, run[start:]])


def examine_text(data: bytes, file: str) -> Examined:
    """Measures (characters, words, lines) and problems of a text file's bytes.

    Problems: ``empty``; ``encoding`` (not UTF-8; the text is then read as UTF-16 by its mark, or cp1252); ``mojibake``; ``control``.

    >>> examine_text(b"caf\\xe9", "menu.txt").problems[0].kind
    'encoding'
    """
    if not data.strip():
        return Examined({"characters": 0, "words": 0, "lines": 0}, (Problem("empty", "holds no text", file, severity="error"),))
    text, problems = decoded(data, file)
    if found := list(CONTROL.finditer(text)):
        first = found[0]
        message = f"{len(found):,} control or lost characters; the first, U+{ord(first[0]):04X}, at character {first.start()}"
        problems.append(Problem("control", message, file, 1 + text.count("\n", 0, first.start())))
    mended = mend_text(text)
    if mended != text:
        where = next((i for i, (a, b) in enumerate(zip(text, mended)) if a != b), len(mended))
        message = f"UTF-8 read as another encoding, as at {text[max(0, where - 10) : where + 10]!r}; mend_text undoes it"
        problems.append(Problem("mojibake", message, file, 1 + text.count("\n", 0, where)))
    measures: dict[str, Any] = {"characters": len(text), "words": len(text.split()), "lines": text.count("\n") + (not text.endswith("\n"))}
    return Examined(measures, tuple(problems), mended)


def decoded(data: bytes, file: str) -> tuple[str, list[Problem]]:
    """The text of bytes, and a problem when they are not UTF-8."""
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        bad = f"byte {data[error.start]:#04x} at position {error.start} is not UTF-8"
        row = 1 + data.count(b"\n", 0, error.start)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16"), [Problem("encoding", "UTF-16; save it as UTF-8", file)]
        except UnicodeDecodeError as error:
            bad = f"begins as UTF-16 but is cut at position {error.start}"
    return data.decode("cp1252", "replace"), [Problem("encoding", f"{bad}; it reads as cp1252. Save it as UTF-8", file, row, severity="error")]
