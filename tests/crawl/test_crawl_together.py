"""Several workers: one rate for each host, one request for each address, and the same data set as one worker's."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from crawl_sites import RULE_FILES, Script, ScriptedSite, make_picture, page, results
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.run import Run
from vsd2m.crawl.coordination.coordinator import coordinator
from vsd2m.crawl.coordination.host_turns import HostTurns
from vsd2m.crawl.coordination.shared_answers import SharedAnswers
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import Plan, make_plan
from vsd2m.pipelines.status import manifest

GIF = {"Content-Type": "image/gif"}
WORDS = [f"word-{number}" for number in range(9)]


def _answers() -> dict[str, Script]:
    """Each word leads to a picture of its own, a page that all words have, and pictures that some have."""
    answers = {
        f"/find/{word}/1": results(
            "/page/all", {"url": f"/{number}.gif"}, {"url": f"/shared-{number % 2}.gif"}, {"url": "/gone.gif"}
        )
        for number, word in enumerate(WORDS)
    }
    names = ["all", "shared-0", "shared-1", *map(str, range(len(WORDS)))]
    pictures = {f"/{name}.gif": Script(make_picture(number), headers=GIF) for number, name in enumerate(names)}
    return {**answers, **pictures, "/page/all": page({"url": "/all.gif"})}


def _plan(folder: Path, site: str, **crawl: Any) -> Plan:
    source = {"source": "crawl_sites:ListSource", "site": site}
    asked = {"source": source, "words": WORDS, "retries": 0, "words_per_partition": 3, **crawl}
    return make_plan(PipelineConfig(run=str(folder / "run"), stages={"crawl": asked, "catalog": None}))


def _requests(site: ScriptedSite, since: int = 0) -> Counter[str]:
    return Counter(path for _, path in site.asked[since:] if path not in RULE_FILES)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_address_is_requested_once_however_many_partitions_lead_there(tmp_path, workers) -> None:
    answers = _answers()
    answers["/page/all"].delay = 2.0 * (workers - 1)  # so that all workers come to want it while one requests it
    with ScriptedSite(answers) as site:
        run = run_local(_plan(tmp_path / "many", site.url, workers=workers))
        assert len(run.records("crawl")) > 3
        assert set(_requests(site).values()) == {1}
        assert set(_requests(site)) == {*_answers(), "/gone.gif"}
        alone = run_local(_plan(tmp_path / "alone", site.url, words_per_partition=3))
    assert manifest(run) == manifest(alone)
    assert sum(record.num_read for record in run.records("crawl")) == 4 * len(WORDS)
    assert sum(record.reasons["http_error"] for record in run.records("crawl")) == len(WORDS)


def test_workers_keep_the_rate_of_a_host_together(tmp_path) -> None:
    with ScriptedSite(_answers()) as site:
        run_local(_plan(tmp_path, site.url, workers=3, delay_s=0.1))
    times = sorted(time for time, _ in site.asked)
    assert len(times) > 20
    # Five requests are four delays; what a busy machine adds to one it takes from the next. Three workers that did
    # not know of one another would make it a third.
    assert min(later - earlier for earlier, later in zip(times, times[4:], strict=False)) > 0.4 / 2


def test_an_answer_survives_a_killed_run(tmp_path) -> None:
    answers = _answers()
    with ScriptedSite(answers | {"/5.gif": Script(make_picture(8), headers=GIF, delay=60)}) as site:
        config = tmp_path / "run.yaml"
        plan = _plan(tmp_path, site.url, timeout_s=100)
        stages = plan.resolved_config()["stages"]
        config.write_text(yaml.safe_dump({"run": str(tmp_path / "run"), "stages": stages}, sort_keys=False))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([sys.executable, "-m", "vsd2m.cli.main", "run", str(config)], env=environment)
        _wait_for(lambda: any(path == "/5.gif" for _, path in site.asked))
        process.send_signal(signal.SIGKILL)
        process.wait()
        finished = len(Run.open(str(tmp_path / "run")).records("crawl"))
        site.answers, since = answers, len(site.asked)
        run = run_local(plan)
        if finished:
            assert "/page/all" not in _requests(site, since)
        good = run_local(_plan(tmp_path / "good", site.url))
    assert manifest(run) == manifest(good)


def test_bytes_that_another_partition_downloaded_and_that_are_gone_are_downloaded_again(tmp_path) -> None:
    with ScriptedSite(_answers()) as site:
        plan = _plan(tmp_path, site.url)
        run = run_local(plan)
        before = manifest(run)
        for record in run.records("crawl"):
            run.store.delete(f"crawl/part-{record.partition:06d}.json")
            tar = f"crawl/media-{record.partition:06d}.tar"
            run.store.write_bytes(tar, bytes(run.store.size(tar)))
        since = len(site.asked)
        assert manifest(run_local(plan)) == before
        requests = _requests(site, since)
    assert set(requests) == {path for path in _answers() if path.endswith(".gif")}
    assert set(requests.values()) == {1}


def test_a_word_that_is_added_downloads_nothing_that_was_downloaded(tmp_path) -> None:
    answers = _answers() | {"/find/new/1": results("/page/all", {"url": "/0.gif"}, {"url": "/new.gif"})}
    answers["/new.gif"] = Script(make_picture(99), headers=GIF)
    with ScriptedSite(answers) as site:
        run_local(_plan(tmp_path, site.url, words_per_partition=100))
        since = len(site.asked)
        run_local(_plan(tmp_path, site.url, words_per_partition=100, words=["new", *WORDS]))
        assert set(_requests(site, since)) == {"/new.gif", *(f"/find/{word}/1" for word in ["new", *WORDS])}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 5), st.floats(0, 3), st.floats(0, 9)), max_size=30))
def test_a_host_is_never_sent_a_request_before_its_delay_and_its_pause(asked) -> None:
    turns, now = HostTurns(), 0.0
    sent: dict[str, list[float]] = {"a": [], "b": []}
    paused = {"a": 0.0, "b": 0.0}
    for host, passed, delay, pause in asked:
        now += passed
        if pause > 8:
            turns.pause(host, pause, now=now)
            paused[host] = max(paused[host], now + pause)
        now += turns.wait_s(host, delay, now=now)
        turns.take(host, now=now)
        assert now >= paused[host] - 1e-9
        assert not sent[host] or now - sent[host][-1] >= delay - 1e-9
        sent[host].append(now)
    assert all(later >= earlier for times in sent.values() for earlier, later in pairwise(times))


class _Worker:
    """A raw connection to the coordinator."""

    def __init__(self, address: str, token: str | None = None) -> None:
        host, port, right_token = address.split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=10)
        self._lines = self._socket.makefile("rb")
        self._socket.sendall(f"partition {token or right_token}\n".encode())

    def tell(self, **message: Any) -> None:
        self._socket.sendall(json.dumps({"number": 0, **message}).encode() + b"\n")

    def hear(self) -> Any:
        line = self._lines.readline()
        return json.loads(line)["answer"] if line else "closed"

    def end(self) -> None:
        self._lines.close()
        self._socket.close()


def test_what_a_worker_that_ended_had_under_way_is_another_ones_to_request(tmp_path) -> None:
    with closing(SharedAnswers(tmp_path / "a.sqlite")) as answers, coordinator(answers, host="127.0.0.1") as address:
        first, second, third = (_Worker(address) for _ in range(3))
        first.tell(do="claim", name="page a")
        assert first.hear() is None
        second.tell(do="claim", name="page a")
        first.end()
        assert second.hear() is None
        third.tell(do="claim", name="page a")
        second.tell(do="settle", name="page a", fact={"fact": "page", "link": "a"}, place=None)
        assert third.hear() == {"fact": "page", "link": "a"}
        second.end()
        third.end()


def test_a_stranger_is_told_nothing(tmp_path) -> None:
    with closing(SharedAnswers(tmp_path / "a.sqlite")) as answers, coordinator(answers, host="127.0.0.1") as address:
        stranger = _Worker(address, token="0" * 32)
        stranger.tell(do="claim", name="page a")
        assert stranger.hear() == "closed"
        stranger.end()


def _wait_for(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
