"""Path patterns of robots.txt (RFC 9309, section 2.2.3), in time linear in the path for any pattern."""

from urllib.parse import quote, unquote


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


def _normal(path: str) -> str:
    """Percent-encoding does not tell one path from another."""
    return quote(unquote(path, errors="replace"), safe="/*$?&=:@!'(),;+~-._%", errors="replace")
