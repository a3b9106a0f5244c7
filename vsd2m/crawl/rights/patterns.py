"""Path patterns of robots.txt (RFC 9309, section 2.2.3), in time linear in the path for any pattern."""

import re
from urllib.parse import quote, unquote

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*:)?//[^/]*", re.IGNORECASE)


def path_matches(pattern: str, path: str) -> bool:
    """Whether `path` begins with `pattern`, in which `*` stands for anything and a final `$` for the end."""
    pattern, path = _normal(pattern), _normal(path)
    is_anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    last = others.pop() if is_anchored and others else None
    for part in others:
        position = path.find(part, position)
        if position < 0:
            return False
        position += len(part)
    if last is not None:
        return len(path) - len(last) >= position and path.endswith(last)
    return not is_anchored or position == len(path)


def without_origin(address: str) -> str:
    """The pattern of a path, where it may be written as a whole address or relative to the site."""
    match = _ORIGIN.match(address.strip())
    return address.strip()[match.end() if match else 0 :].removeprefix(".")


def _normal(path: str) -> str:
    """Normalises percent-encoding."""
    return quote(unquote(path, errors="replace"), safe="/*$?&=:@!'(),;+~-._%", errors="replace")
