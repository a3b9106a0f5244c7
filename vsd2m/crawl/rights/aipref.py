"""AI preferences (IETF drafts aipref-attach and aipref-vocab): `Content-Usage` in robots.txt and as a header."""

import re
from collections.abc import Iterable

from vsd2m.crawl.rights.patterns import path_matches
from vsd2m.crawl.rights.robots_groups import RobotsGroups
from vsd2m.crawl.rights.signal import NO, Headers, Signal, Statement, Target

TRAINING_LABELS = ("train[-_]ai", "train[-_]genai", "ai", "genai", "tdm")
"""Expressions for the vocabulary's label for training, and for those of its earlier drafts."""

_LABEL = rf"(?<![\w.*/-])(?:{'|'.join(TRAINING_LABELS)})[\"']?"
_PREFERENCE = re.compile(rf"{_LABEL}\s*[=:]\s*[\"'(\s]*({NO}|y|yes|\?1|1|true)(?![\w-])", re.IGNORECASE)


class ContentUsage(Signal):
    """`train-ai=n` reserves. In robots.txt the rule with the longest path holds that says something about training."""

    headers = ("content-usage",)

    def in_robots(self, groups: RobotsGroups, target: Target) -> Iterable[Statement]:
        rules = [_rule(value) for value in groups.values("content-usage", target.product)]
        matching = [(path, value) for path, value in rules if _is_about_training(value) and _holds(path, target)]
        longest = max((len(path) for path, _ in matching), default=0)
        for path, value in matching:
            if len(path) == longest:
                yield self.says("robots.txt", f"Content-Usage: {path} {value}", reserves=_reserves(value))

    def in_headers(self, headers: Headers, target: Target) -> Iterable[Statement]:
        values = headers.get("content-usage", ())
        if values:
            value = ", ".join(values)
            yield self.says("header", f"Content-Usage: {value}", reserves=_reserves(value))


def _rule(value: str) -> tuple[str, str]:
    """(path, preferences); an empty path is that of the whole site."""
    if not value.startswith("/"):
        return "", value
    path, _, preferences = value.replace("\t", " ").partition(" ")
    return path, preferences.strip()


def _holds(path: str, target: Target) -> bool:
    return not path or path_matches(path, target.path)


def _is_about_training(value: str) -> bool:
    return _PREFERENCE.search(value) is not None


def _reserves(value: str) -> bool:
    return any(re.fullmatch(NO, match[1], re.IGNORECASE) for match in _PREFERENCE.finditer(value))
