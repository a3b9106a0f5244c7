"""Waits before the next request to a busy host, and before a retry. No clock, no requests."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_S = 1e9
"""Thirty years, the upper limit for the wait in a header."""


def backoff_s(attempt: int, *, first_s: float, max_s: float, rng: random.Random) -> float:
    """The wait before attempt `attempt` + 1: `first_s`, doubled each time, up to `max_s`, give or take a half."""
    return min(first_s * 2.0 ** (attempt - 1), max_s) * rng.uniform(0.5, 1.5)


def retry_after_s(value: str, *, now: datetime) -> float:
    """The seconds that a `Retry-After` header asks for, as a number or as a date (RFC 9110, section 10.2.3).

    0 where it asks for nothing, or for nothing that can be read.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_S)
    date = http_date(text)
    return min(max(0.0, (date - now).total_seconds()), LONGEST_S) if date else 0.0


def http_date(value: str) -> datetime | None:
    """The time that an HTTP date names, or None."""
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
