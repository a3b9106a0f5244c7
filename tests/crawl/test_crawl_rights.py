import json

import pytest

from vsd2m.crawl.rights import reservation, robots_facts


@pytest.mark.parametrize(
    ("tags", "tdm", "expected"),
    [
        ([], None, None),
        (["all"], "0", None),
        (["noindex, nofollow"], None, None),
        (["noai"], None, "robots: noai"),
        (["NoIndex, NoImageAI"], None, "robots: noimageai"),
        (["noindex", "noai"], None, "robots: noai"),
        (["vsd2m: noai"], None, "robots: noai"),
        (["*: noai"], None, "robots: noai"),
        (["otherbot: noai"], None, None),
        (["otherbot: noindex, noai"], None, None),
        (["otherbot: noai, vsd2m: noai"], None, "robots: noai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], None, "robots: noai"),
        (["max-snippet: 20, noimageai"], None, "robots: noimageai"),
        ([], "1", "tdm-reservation: 1"),
        (["noai-ish"], " 1 ", "tdm-reservation: 1"),
    ],
)
def test_reservations_are_read_as_their_specifications_say(tags, tdm, expected) -> None:
    assert reservation(robots_tags=tags, tdm_reservation=tdm, user_agent="vsd2m/0.1 (+mailto:a@b.example)") == expected


def test_the_robots_column_is_json_with_all_that_was_said() -> None:
    text = robots_facts(robots_txt="allowed", robots_tags=["noindex"], tdm_reservation="0")
    assert json.loads(text) == {"robots_txt": "allowed", "tdm_reservation": "0", "x_robots_tag": ["noindex"]}
