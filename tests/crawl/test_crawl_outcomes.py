import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.errors import CrawlError
from vsd2m.crawl.records.outcomes import join

PAGE_B = ("page", "b")
NO = {"value": None, "limit": None}


def _sticker(url: str) -> dict:
    return {
        "url": url,
        "page_url": f"{url}.html",
        "title": "",
        "tags": [],
        "licence": "",
        "author": "",
        "fallbacks": [],
    }


def _facts() -> list[dict]:
    facts = [{"fact": "search", "word": word, "page": 1, "num_links": 3, "cut": None} for word in (0, 1)]
    for word in (0, 1):
        for rank, name in enumerate("cab"):
            facts.append({"fact": "find", "word": word, "rank": rank, "link": name, "sticker": None, "refusal": None})
    facts += [{"fact": "page", "link": name, "sticker": _sticker(name), "refusal": None} for name in "abc"]
    facts += [
        {"fact": "picture", "picture": "a", "url": "a", "key": "ka", "refusal": None},
        {"fact": "picture", "picture": "b", "url": "b2", "key": "kb", "refusal": None},
        {"fact": "picture", "picture": "c", "key": None, "refusal": {"reason": "timeout", "detail": None, **NO}},
        {"fact": "search_refused", "word": 0, "page": 2, "url": "s", "reason": "http_error", "detail": None, **NO},
    ]
    return facts


@given(st.integers(0, 10_000))
def test_the_order_of_arrival_changes_nothing(seed) -> None:
    facts = _facts()
    random.Random(seed).shuffle(facts)
    assert join(facts, ["x", "y"]) == join(_facts(), ["x", "y"])


def test_finds_come_by_word_and_rank_and_refused_searches_after_the_finds_of_their_word() -> None:
    finds = join(_facts(), ["x", "y"])
    assert [(find.word, find.url) for find in finds] == [
        ("x", "c"),
        ("x", "a"),
        ("x", "b2"),
        ("x", "s"),
        ("y", "c"),
        ("y", "a"),
        ("y", "b2"),
    ]
    assert [find.is_kept for find in finds] == [False, True, True, False, False, True, True]


def test_what_was_never_answered_is_a_failure_and_not_lost() -> None:
    facts = [fact for fact in _facts() if fact.get("picture") != "a" and (fact["fact"], fact.get("link")) != PAGE_B]
    finds = join(facts, ["x", "y", "never searched"])
    lost = [(find.word, find.url) for find in finds if find.outcome == "failed"]
    assert lost == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b"), ("never searched", "")]
    assert {find.refusal["reason"] for find in finds if find.outcome == "failed"} == {"not_answered"}


@pytest.mark.parametrize("times", [0, 2])
def test_a_link_of_a_results_page_that_is_lost_or_counted_twice_is_noticed(times) -> None:
    facts = _facts()
    find = next(fact for fact in facts if fact["fact"] == "find")
    wrong = [fact for fact in facts if fact is not find] + [find] * times
    with pytest.raises(CrawlError, match="had 6 links, and [56] are accounted for"):
        join(wrong, ["x", "y"])
