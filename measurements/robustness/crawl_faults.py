"""Crawls a loopback site whose every tenth sticker has a fault, by 1, 2 and 4 workers and with three kill -9.

    python measurements/robustness/crawl_faults.py --num-stickers 20000 --out /tmp/crawl_faults

The site is drawn from a seed, so what a crawl must keep, and why it must refuse each other address, is known before.
Printed per crawl: requests, seconds, and whether the kept set, every reason, the manifest and the rates are as expected;
exit code 1 where one is not.
"""

import argparse
import gzip
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from vsd2m.core.run import Run
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig
from vsd2m.pipelines.status import manifest

STICKERS_PER_PAGE = 8
MAX_FILE_BYTES = 100_000
RATE_WINDOW = 100  # requests, over which a rate is measured
SLACK_S = 0.15  # what a request may take longer than another from its turn to the site's log
DEAD_PORT = 9  # discard: nobody listens there

FAULTS = {
    # kind of fault -> the reason it must end with; None: the sticker must be kept
    "connection_refused": "unreachable",
    "stale_https": "unreachable",
    "hang_up": "unreachable",
    "timeout": "timeout",
    "gone": "http_error",
    "redirected_for_ever": "http_error",
    "server_error": "server_error",
    "redirected_away": "offsite_redirect",
    "another_host": "offsite_link",
    "other_port": "other_port",
    "private_address": "private_address",
    "file_scheme": "unsupported_scheme",
    "broken_href": "bad_address",
    "too_large": "too_large",
    "gzip_bomb": "too_large",
    "broken_gzip": "bad_encoding",
    "html_instead": "not_an_image",
    "reserved": "noai",
    "title_of_wrong_type": "source_error",
    "page_of_no_use": "page_not_understood",
    "half_a_character": None,
    "busy_once": None,
    "broken_once": None,
    "redirected": None,
}


class FaultySource(Source[SourceConfig]):
    """Reads the site's pages, which are JSON."""

    def first_request(self, word: str) -> Ask:
        return Ask(f"{self.site}/find/{word}/0")

    def parse_search(self, page: Page) -> SearchResults:
        reply = page.json()
        stickers = [
            page.link(entry["page"])
            if "page" in entry
            else FoundSticker(url=page.link(entry["url"]), page_url=page.url, title=entry["title"])
            for entry in reply["stickers"]
        ]
        return SearchResults(stickers, Ask(page.link(reply["next"])) if reply["next"] else None)

    def parse_sticker(self, page: Page) -> FoundSticker:
        reply = page.json()
        if "url" not in reply:
            raise PageError("no address of a picture")
        return FoundSticker(url=page.link(reply["url"]), page_url=page.url, title=reply["title"])


@dataclass(frozen=True)
class Planned:
    """One sticker of the site: where its picture is, what is wrong with it, and whether it has a page of its own."""

    number: int
    fault: str | None
    has_page: bool

    def path(self) -> str:
        return f"/{self.fault or 'fine'}/{self.number}.gif"

    def url(self, site: str) -> str:
        """Half of the pictures are on a second host."""
        other_host = site.replace("127.0.0.1", "localhost")
        match self.fault:
            case "connection_refused":
                return f"http://127.0.0.1:{DEAD_PORT}{self.path()}"
            case "stale_https":
                return site.replace("http:", "https:") + self.path()
            case "other_port":
                return f"http://127.0.0.1:{DEAD_PORT + 1}{self.path()}"
            case "private_address":
                return f"http://169.254.169.254{self.path()}"
            case "another_host":
                return f"http://elsewhere.invalid{self.path()}"
            case "file_scheme":
                return f"file:///etc{self.path()}"
            case "broken_href":
                return f"http://[half{self.path()}"
        return (other_host if self.number % 2 else site) + self.path()

    def page_url(self, site: str) -> str:
        return f"{site}/page/{self.number}"

    def rejected_url(self, site: str) -> str:
        """The address that its reject names."""
        by_page = self.fault == "page_of_no_use" or (self.fault == "title_of_wrong_type" and self.has_page)
        return self.page_url(site) if by_page else self.url(site)

    def title(self) -> Any:
        if self.fault == "title_of_wrong_type":
            return self.number
        return "so \ud83d funny" if self.fault == "half_a_character" else f"sticker {self.number}"

    def picture(self) -> bytes:
        """Looks like a GIF, which is all that a crawl looks at, and is another one for every number."""
        return b"GIF89a" + hashlib.sha256(str(self.number).encode()).digest() * 60


def plan_site(num_stickers: int, *, seed: int) -> tuple[list[Planned], dict[str, list[Planned]]]:
    """The stickers, every tenth with a fault of a kind in turn, and those that each word finds.

    Every sticker is found by a word of its own neighbourhood, and a third by a second word, too.
    """
    rng, kinds = random.Random(seed), list(FAULTS)
    faulty = sorted(rng.sample(range(num_stickers), num_stickers // 10))
    fault_of = {number: kinds[place % len(kinds)] for place, number in enumerate(faulty)}
    stickers = [
        Planned(number, fault_of.get(number), rng.random() < 0.25 or fault_of.get(number) == "page_of_no_use")
        for number in range(num_stickers)
    ]
    num_words = max(2, num_stickers // 12)
    words: dict[str, list[Planned]] = {f"word-{number}": [] for number in range(num_words)}
    for sticker in stickers:
        first = sticker.number % num_words
        found_by = {first, rng.randrange(num_words)} if rng.random() < 1 / 3 else {first}
        for word in found_by:
            words[f"word-{word}"].append(sticker)
    return stickers, words


@dataclass
class Site:
    """Serves the plan and logs when each host was asked for what."""

    stickers: list[Planned]
    words: Mapping[str, list[Planned]]
    log: list[tuple[float, str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Site":
        site = self
        self._lock = threading.Lock()
        self._failed_once: set[str] = set()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                host = self.headers["Host"].partition(":")[0]
                with site._lock:
                    site.log.append((time.monotonic(), host, self.path))
                site.answer(self)

            def log_message(self, *args: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None: ...

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        """The next crawl finds the site as the first one did."""
        self.log.clear()
        self._failed_once.clear()

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        parts = to.path.strip("/").split("/")
        match parts:
            case ["find", word, page]:
                self._send_json(to, self._results(word, int(page)))
            case ["page", number]:
                sticker = self.stickers[int(number)]
                reply = {"url": sticker.url(self.url), "title": sticker.title()}
                self._send_json(to, {} if sticker.fault == "page_of_no_use" else reply)
            case [kind, name]:
                self._send_picture(to, kind, self.stickers[int(name.removesuffix(".gif"))])
            case _:
                self._send(to, b"", status=404)

    def _results(self, word: str, page: int) -> dict[str, Any]:
        stickers = self.words[word]
        part = stickers[page * STICKERS_PER_PAGE : (page + 1) * STICKERS_PER_PAGE]
        entries = [
            {"page": sticker.page_url(self.url)}
            if sticker.has_page
            else {"url": sticker.url(self.url), "title": sticker.title()}
            for sticker in part
        ]
        is_last = (page + 1) * STICKERS_PER_PAGE >= len(stickers)
        return {"stickers": entries, "next": None if is_last else f"{self.url}/find/{word}/{page + 1}"}

    def _send_picture(self, to: BaseHTTPRequestHandler, kind: str, sticker: Planned) -> None:
        data = sticker.picture()
        with self._lock:
            is_first = to.path not in self._failed_once
            self._failed_once.add(to.path)
        if kind == "timeout":
            self.closing.wait(20)
        elif kind == "hang_up":
            self._send(to, data, announced=len(data) + 100)
            to.close_connection = True
        else:
            status, body, headers = self._reply(kind, to.path, data, is_first)
            self._send(to, body, status=status, **headers)

    def _reply(self, kind: str, path: str, data: bytes, is_first: bool) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers of a picture's answer."""
        gzipped = {"Content-Encoding": "gzip"}
        replies = {
            "gone": (404, b"", {}),
            "server_error": (500, b"", {}),
            "redirected_for_ever": (302, b"", {"Location": path}),
            "redirected_away": (302, b"", {"Location": "http://elsewhere.invalid/a.gif"}),
            "redirected": (302, b"", {"Location": path.replace("redirected", "target")}),
            "too_large": (200, data + bytes(MAX_FILE_BYTES), {}),
            "broken_gzip": (200, b"no gzip", gzipped),
            "html_instead": (200, b"<!doctype html><title>gone</title>", {}),
            "reserved": (200, data, {"X-Robots-Tag": "noai"}),
        }
        if kind == "gzip_bomb":
            return 200, gzip.compress(data + bytes(20 * MAX_FILE_BYTES)), gzipped
        if kind in ("busy_once", "broken_once") and is_first:
            return 429 if kind == "busy_once" else 502, b"", {}
        return replies.get(kind, (200, data, {}))

    def _send_json(self, to: BaseHTTPRequestHandler, reply: Any) -> None:
        self._send(to, json.dumps(reply).encode(), **{"Content-Type": "application/json"})

    def _send(
        self,
        to: BaseHTTPRequestHandler,
        body: bytes,
        *,
        status: int = 200,
        announced: int | None = None,
        **headers: str,
    ) -> None:
        to.send_response(status)
        for name, value in {"Content-Type": "image/gif", **headers}.items():
            to.send_header(name, value)
        to.send_header("Content-Length", str(len(body) if announced is None else announced))
        to.end_headers()
        to.wfile.write(body)


def config_of(site: Site, folder: Path, *, workers: int, delay_s: float, words_per_partition: int) -> dict[str, Any]:
    """The pipeline that crawls the site."""
    crawl = {
        "source": {"source": "crawl_faults:FaultySource", "site": site.url},
        "words": list(site.words),
        "words_per_partition": words_per_partition,
        "media_hosts": ["localhost", f"127.0.0.1:{DEAD_PORT}"],
        "max_file_bytes": MAX_FILE_BYTES,
        "max_redirects": 2,
        "workers": workers,
        "delay_s": delay_s,
        "concurrency": 32,
        "timeout_s": 1.0,
        "retries": 1,
        "first_wait_s": 0.05,
    }
    return {"run": str(folder), "stages": {"crawl": crawl, "catalog": None}}


def problems(site: Site, run: Run, *, delay_s: float) -> list[str]:
    """In sentences, what of a finished crawl is not as the plan of the site says it must be."""
    expected: dict[str, Counter[Any]] = defaultdict(Counter)
    for differencesers in site.words.values():
        for sticker in differencesers:
            reason = FAULTS[sticker.fault] if sticker.fault else None
            if reason is None:
                expected["kept"][sticker.number] += 1
            else:
                expected["rejects"][sticker.rejected_url(site.url), reason] += 1
    actual: dict[str, Counter[Any]] = defaultdict(Counter)
    for record in run.records("crawl"):
        assert record.partition is not None
        for url in run.read_part("crawl", record.partition)["url"]:
            actual["kept"][int(urlsplit(url).path.rpartition("/")[2].removesuffix(".gif"))] += 1
        for reject in run.read_rejects("crawl", record.partition).to_dicts():
            actual["rejects"][reject["url"], reject["reason"]] += 1
    differencesers = []
    for name in ("kept", "rejects"):
        lacking, extra = expected[name] - actual[name], actual[name] - expected[name]
        if lacking or extra:
            differencesers.append(
                f"{name}: {lacking.total()} lacking, {extra.total()} extra, such as {[*lacking][:3]} and {[*extra][:3]}"
            )
    return [*differencesers, *_rate_problems(site, delay_s)]


def _rate_problems(site: Site, delay_s: float) -> list[str]:
    times: dict[str, list[float]] = defaultdict(list)
    for when, host, _ in sorted(site.log):
        times[host].append(when)
    rate_problems = []
    for host, of_host in times.items():
        least = (RATE_WINDOW - 1) * delay_s - SLACK_S
        spans = [last - first for first, last in zip(of_host, of_host[RATE_WINDOW - 1 :], strict=False)]
        if spans and min(spans) < least:
            rate_problems.append(
                f"{host}: {RATE_WINDOW} requests within {min(spans):.3f} s, expected at least {least:.3f} s"
            )
    return rate_problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-stickers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delay-s", type=float, default=0.004, help="between two requests to a host")
    parser.add_argument("--words-per-partition", type=int, default=50)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    stickers, words = plan_site(arguments.num_stickers, seed=arguments.seed)
    manifests, num_requests, is_good = [], 0, True
    with Site(stickers, words) as site:
        runs = [(workers, 0) for workers in arguments.workers] + [(max(arguments.workers), arguments.kills)]
        for workers, num_kills in runs:
            folder = arguments.out / f"workers-{workers}-kills-{num_kills}"
            site.forget()
            began = time.monotonic()
            _crawl(site, folder, arguments, workers=workers, kill_at=_moments(num_requests, num_kills, arguments.seed))
            run, seconds = Run.open(str(folder)), time.monotonic() - began
            num_requests = len(site.log)
            differences = problems(site, run, delay_s=arguments.delay_s)
            manifests.append(manifest(run))
            if manifests[-1] != manifests[0]:
                differences.append("the manifest is another one")
            is_good = is_good and not differences
            verdict = "; ".join(differences) or "as expected"
            print(
                f"{workers} workers, {num_kills} kills: {num_requests} requests, {seconds:.0f} s: {verdict}", flush=True
            )
    sys.exit(0 if is_good else 1)


def _moments(num_requests: int, num_kills: int, seed: int) -> list[int]:
    """After how many requests to kill the crawl."""
    moments = range(num_requests // 10, num_requests * 9 // 10)
    return sorted(random.Random(seed).sample(moments, num_kills)) if num_kills else []


def _crawl(site: Site, folder: Path, arguments: argparse.Namespace, *, workers: int, kill_at: list[int]) -> None:
    config = folder.parent / f"{folder.name}.yaml"
    folder.parent.mkdir(parents=True, exist_ok=True)
    pipeline = config_of(
        site, folder, workers=workers, delay_s=arguments.delay_s, words_per_partition=arguments.words_per_partition
    )
    config.write_text(yaml.safe_dump(pipeline, sort_keys=False))
    command = [sys.executable, "-m", "vsd2m.cli.main", "run", str(config)]
    for moment in kill_at:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_environment())
        while len(site.log) < moment and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


if __name__ == "__main__":
    main()
