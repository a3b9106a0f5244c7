"""Right answers: a run's outcomes compared with the truth file of the drawn stickers."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from vsd2m.core.run import Run
from vsd2m.core.storage import Store


@dataclass(frozen=True)
class RightAnswers:
    """How many answers of the run to one question are right; `mistakes` names the files with wrong ones."""

    question: str
    num_right: int
    num_asked: int
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileOutcome:
    """The final outcome for a file: `reason` is None if it was kept to the end."""

    key: str | None
    reason: str | None
    stage: str | None


def read_truth(folder: str) -> list[dict[str, Any]]:
    """The entries of `truth.jsonl` in `folder`."""
    return [json.loads(line) for line in Store(folder).read_bytes("truth.jsonl").decode().splitlines()]


def count_right_answers(run: Run, truth: list[dict[str, Any]]) -> list[RightAnswers]:
    """Counts for each kind of planted file, then for good stickers, grouping and domain."""
    outcomes = outcomes_by_file(run)
    return [
        *_planted(truth, outcomes),
        _good_ones_kept(truth, outcomes),
        _grouping(run, truth, outcomes),
        _domain(run, truth),
    ]


def outcomes_by_file(run: Run) -> dict[str, FileOutcome]:
    """File name (the last part of its address) -> outcome."""
    outcomes: dict[str, FileOutcome] = {}
    outcome_of_key: dict[str, FileOutcome] = {}
    for stage, rejects in run.all_rejects():
        for row in rejects.filter(pl.col("reason") != "found_again").iter_rows(named=True):
            outcome = FileOutcome(row["key"], row["reason"], stage)
            if row["url"]:
                outcomes[_file(row["url"])] = outcome
            elif row["key"]:
                outcome_of_key[row["key"]] = outcome
    for row in _crawled_rows(run):
        outcomes.setdefault(_file(row["url"]), outcome_of_key.get(row["key"], FileOutcome(row["key"], None, None)))
    return outcomes


def character_error_rate(run: Run, truth: list[dict[str, Any]]) -> tuple[float, int]:
    """(edit distance / characters, stickers with text) over the stickers whose text was read; white space and case
    do not count. Letters recognised in stickers without text count as errors."""
    from rapidfuzz.distance import Levenshtein

    texts = {entry["key"]: _letters(entry["text"]) for entry in truth if entry.get("text") is not None}
    frame = _written_by(run, "ocr", ["ocr_text"])
    pairs = [(texts[key], _letters(text)) for key, text in frame.iter_rows() if key in texts]
    errors = sum(Levenshtein.distance(expected, recognised) for expected, recognised in pairs)
    return errors / max(1, sum(len(expected) for expected, _ in pairs)), sum(bool(expected) for expected, _ in pairs)


def _planted(truth: list[dict[str, Any]], outcomes: dict[str, FileOutcome]) -> Iterator[RightAnswers]:
    kinds = Counter(entry["planted"] for entry in truth if entry["planted"])
    for kind in sorted(kinds):
        entries = [entry for entry in truth if entry["planted"] == kind]
        if kind == "near_duplicate":
            continue  # either one of a pair may win: counted in `_grouping`
        expected = {entry["expected_reason"] for entry in entries}
        expected_outcomes = ", ".join(sorted(reason or "kept" for reason in expected))
        wrong = [entry["file"] for entry in entries if _reason(outcomes, entry["file"]) != entry["expected_reason"]]
        yield RightAnswers(
            f"{kind.replace('_', ' ')}: {expected_outcomes}", len(entries) - len(wrong), len(entries), tuple(wrong)
        )


def _good_ones_kept(truth: list[dict[str, Any]], outcomes: dict[str, FileOutcome]) -> RightAnswers:
    good_stickers = [entry for entry in truth if entry["planted"] is None]
    pairs = {entry["duplicate_of"] for entry in truth if entry["planted"] == "near_duplicate"}
    wrong = [
        f"{entry['file']} ({reason})"
        for entry in good_stickers
        if (reason := _reason(outcomes, entry["file"])) and not (entry["file"] in pairs and reason == "near_duplicate")
    ]
    return RightAnswers("good stickers: kept", len(good_stickers) - len(wrong), len(good_stickers), tuple(wrong))


def _grouping(run: Run, truth: list[dict[str, Any]], outcomes: dict[str, FileOutcome]) -> RightAnswers:
    """Over pairs: every planted near duplicate with its original, and every pair that was merged."""
    keys = {entry["file"]: entry["key"] for entry in truth}
    origin = {entry["key"]: keys[entry["duplicate_of"]] for entry in truth if entry["planted"] == "near_duplicate"}
    winner = dict(_near_duplicate_rejects(run))
    compared_keys = {outcome.key for outcome in outcomes.values() if outcome.stage not in ("crawl", "catalog")}
    expected_pairs = {frozenset(pair) for pair in origin.items() if set(pair) <= compared_keys}
    groups: dict[str, set[str]] = {}
    for key in compared_keys - {None}:
        assert key is not None
        groups.setdefault(winner.get(key, key), set()).add(key)
    merged_pairs = {frozenset(pair) for members in groups.values() for pair in combinations(members, 2)}
    family = {key: origin.get(key, key) for key in compared_keys if key}
    false_pairs = {pair for pair in merged_pairs if len({family[key] for key in pair}) > 1}
    names = {key: file for file, key in keys.items()}
    mistakes = [
        *(("missed", pair) for pair in expected_pairs - merged_pairs),
        *(("false merge", pair) for pair in false_pairs),
    ]
    mistake_texts = sorted(
        f"{kind}: {' = '.join(sorted(names.get(key, key) for key in pair))}" for kind, pair in mistakes
    )
    return RightAnswers(
        "near duplicates: grouped, no false merge",
        len(expected_pairs & merged_pairs),
        len(expected_pairs | false_pairs),
        tuple(mistake_texts),
    )


def _domain(run: Run, truth: list[dict[str, Any]]) -> RightAnswers:
    expected = {entry["key"]: entry for entry in truth if entry["domain"]}
    domains = {key: domain for key, domain in _written_by(run, "domain", ["domain"]).iter_rows() if key in expected}
    wrong = [expected[key]["file"] for key, domain in domains.items() if domain != expected[key]["domain"]]
    return RightAnswers("domain: real or cartoon", len(domains) - len(wrong), len(domains), tuple(sorted(wrong)))


def _near_duplicate_rejects(run: Run) -> Iterator[tuple[str, str]]:
    for _, rejects in run.all_rejects():
        yield from rejects.filter(pl.col("reason") == "near_duplicate").select("key", "detail").iter_rows()


def _written_by(run: Run, registered: str, columns: list[str]) -> pl.DataFrame:
    """`key` and columns as the stage of that registry name wrote them, including stickers that were dropped later."""
    names = [entry.name for entry in run.layout if entry.stage == registered]
    parts = [
        run.read_part(name, record.partition, ["key", *columns])
        for name in names
        for record in run.records(name)
        if record.partition is not None
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(["key", *columns], pl.String))


def _crawled_rows(run: Run) -> Iterator[dict[str, Any]]:
    for entry in run.layout[: [stage.name for stage in run.layout].index(run.root.name)]:
        for record in run.records(entry.name):
            assert record.partition is not None
            yield from run.read_part(entry.name, record.partition, ["key", "url"]).iter_rows(named=True)


def _reason(outcomes: dict[str, FileOutcome], file: str) -> str | None:
    return outcomes[file].reason if file in outcomes else "never_found"


def _file(url: str) -> str:
    return unquote(urlsplit(url).path).rsplit("/", 1)[-1]


def _letters(text: Iterable[str] | None) -> str:
    return "".join(character for character in text or "" if not character.isspace()).casefold()
