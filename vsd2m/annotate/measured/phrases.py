"""Measurements as English sentences. A sentence states only what was measured."""

from collections.abc import Sequence

from vsd2m.annotate.measured.motion import Motion

TEXT_SAYS = "The text says"

_TIMES = {1: "once", 2: "twice"}


def static_sentences(
    *, domain: str | None, words: Sequence[str], tags: Sequence[str], colours: Sequence[str], background: str | None
) -> list[str]:
    """The static features. `words` are trigger words, `tags` the labels of a classifier."""
    kind = {"real": "A real photograph", "cartoon": "A cartoon sticker"}.get(domain or "", "A sticker")
    tags_clause = f" tagged {listed([quoted(word) for word in words])}" if words else ""
    sentences = [f"{kind}{tags_clause}."]
    if tags:
        sentences.append(f"It looks like {listed(tags)}.")
    on = f" on a {background} background" if background else ""
    if colours or on:
        sentences.append(f"It is{' ' + listed(colours) if colours else ''}{on}.")
    return sentences


def text_sentence(text: str | None, *, max_characters: int) -> str | None:
    """The text on the sticker; None if no stage looked for text."""
    if text is None:
        return None
    flat = " ".join(text.split()).replace('"', "'")
    if not flat:
        return "It has no text."
    quotation = flat if len(flat) <= max_characters else flat[:max_characters].rstrip() + "…"
    return f"{TEXT_SAYS} {quoted(quotation)}."


def motion_sentences(motion: Motion) -> list[str]:
    """The dynamic features: all measured kinds of movement."""
    if motion.still:
        return ["It does not move."]
    subject = "It" if motion.subject == "foreground" else "The picture"
    clauses = [*_path_clause(motion), *_change_clauses(motion)]
    if not clauses:
        clauses = [_parts_clause(motion)]
    return [f"{subject} {listed(clauses)}{_time(motion, clauses)}."]


def _path_clause(motion: Motion) -> list[str]:
    path = motion.path
    count = times(path.cycles) if path.cycles > 1 else ""
    return {
        "travel": [f"moves {path.direction}"],
        "circle": [f"moves in a circle {path.direction}"],
        "swing": [f"moves {path.direction}{count}"],
        "shake": [f"shakes {path.direction}"],
    }.get(path.kind, [])


def _change_clauses(motion: Motion) -> list[str]:
    clauses = []
    if motion.turns:
        way = "clockwise" if motion.turns > 0 else "counter-clockwise"
        clauses.append(f"turns {way}{times(abs(motion.turns))}")
    if motion.growth:
        zooms = {"grows": "zooms in", "shrinks": "zooms out", "grows and shrinks": "zooms in and out"}
        clauses.append(motion.growth if motion.subject == "foreground" else zooms[motion.growth])
    if motion.fade:
        clauses.append(f"fades {motion.fade}")
    if motion.flashes:
        clauses.append(f"flashes{times(motion.flashes)}")
    if motion.colours:
        clauses.append(f"changes colour through {listed(motion.colours)}" if motion.colours[1:] else "changes colour")
    return clauses


def _parts_clause(motion: Motion) -> str:
    if not motion.local:
        return "changes its shape in place" if motion.subject == "foreground" else "changes"
    where = {"": "", "middle": " in the middle"}.get(motion.place, f" at the {motion.place}")
    return f"moves in small parts{where}"


def _time(motion: Motion, clauses: Sequence[str]) -> str:
    seconds = f"{motion.duration_ms / 1000:.1f} seconds"
    if motion.repeats > 1 and not any(clause.endswith(("once", "twice", "times")) for clause in clauses):
        return f",{times(motion.repeats)} in {seconds}"
    return f" within {seconds}"


def times(count: int) -> str:
    """' once', ' twice', ' 3 times'."""
    return f" {_TIMES.get(count, f'{count} times')}"


def listed(parts: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def quoted(text: str) -> str:
    """The text in double quotes."""
    return f'"{text}"'
