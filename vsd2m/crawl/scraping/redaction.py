"""Removes keys from everything that is written: facts, columns, logs, messages."""

import json
from collections.abc import Iterable
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

REDACTED = "**********"


class Redaction:
    """Replaces each of `secrets`, in every form it takes in an address or in JSON."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)  # a form may be part of another

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return text

    def is_needed(self, text: str) -> bool:
        """Whether a key stands in `text`."""
        return any(form in text for form in self._forms)


def _forms(secret: str) -> Iterable[str]:
    return (
        secret,
        quote(secret, errors="replace"),
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    )


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
