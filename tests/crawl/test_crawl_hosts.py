"""How hosts responded, kept after the crawl; and what a crawl will request, before it."""

import json
from pathlib import Path
from typing import Any

from crawl_sites import RULE_FILES, Script, ScriptedSite, make_picture, results
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.crawl.records.hosts import LATENCIES_MS, HostCounts, sum_of
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import Plan, host_loads, make_plan
from vsd2m.pipelines.status import manifest, status

GIF = {"Content-Type": "image/gif"}
REQUESTS = st.lists(
    st.tuples(st.sampled_from(["200", "404", "DownloadTimeoutError"]), st.floats(0, 500), st.booleans())
)


def _counts(requests: list[tuple[str, float, bool]]) -> HostCounts:
    counts = HostCounts()
    for outcome, seconds, is_retry in requests:
        counts.add(outcome, seconds=seconds if outcome.isdigit() else None, num_bytes=1, is_retry=is_retry)
    return counts


@given(st.lists(REQUESTS, max_size=4))
def test_counts_add_up_over_partitions_and_survive_json(parts) -> None:
    tables = [{"a": HostCounts.from_json(json.loads(json.dumps(_counts(part).to_json())))} for part in parts]
    expected = _counts([request for part in parts for request in part])
    assert sum_of(tables).get("a", HostCounts()) == expected


@given(st.lists(st.floats(0, 60), min_size=1))
def test_a_latency_is_the_bound_that_its_share_of_the_answers_did_not_exceed(latencies) -> None:
    counts = _counts([("200", seconds, False) for seconds in latencies])
    for quantile in (0.5, 0.95, 1):
        bound = counts.latency_ms(quantile)
        assert bound in LATENCIES_MS
        assert sum(seconds * 1000 <= bound for seconds in latencies) >= quantile * len(latencies)
    assert HostCounts().latency_ms(0.5) is None


def _answers(words: list[str]) -> dict[str, Script]:
    answers = {f"/find/{word}/1": results({"url": f"/{word}-0.gif"}, {"url": f"/{word}-1.gif"}) for word in words}
    pictures = {
        f"/{word}-{copy}.gif": Script(make_picture(2 * number + copy), headers=GIF)
        for number, word in enumerate(words)
        for copy in range(2)
    }
    return {**answers, **pictures}


def _plan(folder: Path, site: str, words: list[str], **crawl: Any) -> Plan:
    source = {"source": "crawl_sites:ListSource", "site": site}
    asked = {"source": source, "words": words, "first_wait_s": 0.01, **crawl}
    return make_plan(PipelineConfig(run=str(folder / "run"), stages={"crawl": asked, "catalog": None}))


def test_status_says_how_hosts_responded_after_the_crawl_and_after_a_retry(tmp_path) -> None:
    answers = _answers(["a"])
    busy = Script(status=500)
    answers["/a-0.gif"].turns = [busy]
    with ScriptedSite(answers | {"/a-1.gif": busy}) as site:
        plan = _plan(tmp_path, site.url, ["a"], retries=2)
        run = run_local(plan)
        [host] = status(run)[0].hosts
        assert host.outcomes == {"500": 4, "200": 2, "404": len(RULE_FILES)}
        assert (host.host, host.requests, host.retries) == ("127.0.0.1", len(site.asked), 3)
        assert host.success == 2 / (6 + len(RULE_FILES))
        assert host.median_ms is not None and host.p95_ms is not None and host.p95_ms >= host.median_ms
        site.answers = answers
        run_local(plan.retrying_transient())
        [host] = status(run)[0].hosts
        assert (host.requests, host.outcomes["200"]) == (len(site.asked), 3)
    assert not any("hosts" in path for path in manifest(run)), "times differ, data sets do not"
    shown = CliRunner().invoke(app, ["status", str(tmp_path / "run")], env={"COLUMNS": "200"})
    assert "hosts of crawl" in shown.stdout and "127.0.0.1" in shown.stdout
    told = json.loads(CliRunner().invoke(app, ["status", str(tmp_path / "run"), "--json"]).stdout)
    assert told[0]["hosts"][0]["requests"] == host.requests


def test_a_plan_names_hosts_requests_and_time_and_asks_nobody(tmp_path) -> None:
    words = [f"word-{number}" for number in range(40)]
    with ScriptedSite(_answers(words)) as site:
        before = host_loads(_plan(tmp_path, site.url, words[::2], delay_s=0.5), num_stickers=40)["crawl"]
        assert site.asked == []
        assert [(load.host, load.requests, load.delay_s, load.seconds) for load in before] == [
            ("127.0.0.1", 100, 0.5, 50.0)
        ]
        plan = _plan(tmp_path, site.url, words, words_per_partition=20)
        run = run_local(plan)
        lost = next(iter(plan.stage("crawl").stage.words(run).items()))
        run.store.delete(f"crawl/part-{lost[0]:06d}.json")
        num_asked = len(site.asked)
        [load] = host_loads(plan, num_stickers=1)["crawl"]
        assert len(site.asked) == num_asked
    num_requests = 3 * len(lost[1]) + len(RULE_FILES)  # a results page and two pictures each
    assert 0.8 * num_requests <= load.requests <= 1.2 * num_requests
    assert load.seconds > 0


def test_a_plan_of_words_that_only_the_site_knows_counts_the_stickers(tmp_path) -> None:
    [load] = host_loads(_plan(tmp_path, "http://127.0.0.1:1", "all"), num_stickers=7)["crawl"]
    assert load.requests == 14
