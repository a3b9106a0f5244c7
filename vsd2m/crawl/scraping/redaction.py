"""Removes keys from everything that is written: facts, columns, logs, messages."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

REDACTED = "**********"


class Redaction:
    """Replaces each of `secrets`, however its characters are written in an address, in JSON, in HTML or by `repr`.

    Every character may be written in another way: no two libraries agree on what has to be encoded.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        longest_first = sorted(filter(None, secrets), key=len, reverse=True)  # one may begin another
        expression = "|".join(map(_expression, longest_first))
        self._secrets = re.compile(expression) if expression else None

    def __call__(self, text: str) -> str:
        return text if self._secrets is None else self._secrets.sub(REDACTED, text)

    def is_needed(self, text: str) -> bool:
        """Whether a key stands in `text`."""
        return self._secrets is not None and self._secrets.search(text) is not None


def _expression(secret: str) -> str:
    """Matches a key; a run of backslashes as a whole, since one by one it could be read in very many ways."""
    parts = re.findall(r"\\+|[^\\]", secret)
    return "".join(_backslashes(len(part)) if part.startswith("\\") else _character(part) for part in parts)


def _backslashes(number: int) -> str:
    encoded = r"%5[cC]|\\u005[cC]|&#0*92;|&#[xX]0*5[cC];"
    return rf"(?:\\{{{number},{2 * number}}}|(?:{encoded}){{{number}}})"


def _character(character: str) -> str:
    """Matches a character in all its forms, the longest first."""
    number = ord(character)
    numeric = (rf"&#0*{number};", rf"&#[xX]0*(?:{number:x}|{number:X});")
    forms = sorted(set(_forms(character)), key=len, reverse=True)
    return f"(?:{'|'.join((*numeric, *map(re.escape, forms)))})"


def _forms(character: str) -> Iterator[str]:
    yield character
    yield f"\\{character}"
    yield json.dumps(character)[1:-1]
    yield repr(character)[1:-1]
    yield html.escape(character)
    if character == " ":
        yield "+"
    encoded = character.encode(errors="replace")
    units = character.encode("utf-16-be", "surrogatepass")
    for digits in ("02x", "02X"):
        yield "".join(f"%{byte:{digits}}" for byte in encoded)
        yield "".join(rf"\u{units[at]:{digits}}{units[at + 1]:{digits}}" for at in range(0, len(units), 2))


class RedactedStream:
    """A text stream that writes to `stream`, without the keys."""

    def __init__(self, stream: TextIO, redacted: Redaction) -> None:
        self._stream = stream
        self._redacted = redacted

    def write(self, text: str) -> int:
        self._stream.write(self._redacted(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
