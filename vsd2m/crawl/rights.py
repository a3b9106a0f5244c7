"""Machine-readable reservations against the use of a picture for machine learning."""

import json
import re
from collections.abc import Iterable

_RESERVING = frozenset({"noai", "noimageai"})
_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


def reservation(*, robots_tags: Iterable[str], tdm_reservation: str | None, user_agent: str) -> str | None:
    """The statement that reserves the picture against machine learning, or None.

    `robots_tags` are the values of `X-Robots-Tag` headers and of `<meta name="robots">`; `noai` and `noimageai`
    reserve, unless they are addressed to another crawler. `tdm_reservation` is the header or meta of the TDM
    Reservation Protocol (W3C community group, 2024): `1` reserves.
    """
    for value in robots_tags:
        for directive in _directives(value, user_agent):
            if directive in _RESERVING:
                return f"robots: {directive}"
    if tdm_reservation is not None and tdm_reservation.strip() == "1":
        return "tdm-reservation: 1"
    return None


def robots_facts(*, robots_txt: str, robots_tags: Iterable[str], tdm_reservation: str | None) -> str:
    """What the site said at download time, as one line of JSON: the `robots` column."""
    facts = {"robots_txt": robots_txt, "tdm_reservation": tdm_reservation, "x_robots_tag": list(robots_tags)}
    return json.dumps(facts, sort_keys=True)


def _directives(value: str, user_agent: str) -> Iterable[str]:
    """The directives of one header value that hold for `user_agent`: `bot: a, b` speaks to that bot alone."""
    product = re.split(r"[/\s]", user_agent.strip().casefold(), maxsplit=1)[0]
    holds = True
    for part in value.casefold().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in _WITH_VALUE:
            holds = name.strip() in (product, "*")
            name = rest
        if holds:
            yield name.strip()
