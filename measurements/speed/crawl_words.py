"""Words per second and memory of a crawl of many words, most of which find nothing, and how well `vsd2m plan` foresees it.

    python measurements/speed/crawl_words.py --num-words 20000

The loopback server, a process of its own, answers one word in fifty with a sticker and the others with an empty page.
The crawl is stopped after a sixth of the requests; `vsd2m plan` then says what is left, and the crawl is resumed and
compared with that. Memory is the sum over the crawl's processes (proportional set size), sampled every half second.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

EVERY = 50  # one word in so many finds a sticker
STOPPED_AFTER = 6  # the crawl is stopped after one request in so many
SAMPLE_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-words", type=int, default=20_000)
    parser.add_argument("--words-per-partition", type=int, default=500)
    parser.add_argument("--delay-s", type=float, default=0.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    site = server.stdout.readline().strip()
    try:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(_measure(site, Path(folder), arguments), indent=2))
    finally:
        server.kill()
        server.communicate()


def _measure(site: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    config = _config(site, folder, arguments)
    expected = arguments.num_words + -(-arguments.num_words // EVERY)
    start = time.monotonic()
    first, _ = _run(config, until=lambda: _num_requests(site) > expected // STOPPED_AFTER)
    plan = subprocess.run(
        [*_COMMAND, "plan", str(config), "--json"], check=True, capture_output=True, env=_environment()
    ).stdout
    [load] = json.loads(plan)[0]["hosts"]
    before, resumed = _num_requests(site), time.monotonic()
    second, started_s = _run(config, until=lambda: False)
    seconds = time.monotonic() - resumed - started_s
    requests = _num_requests(site) - before
    samples = [*first, *second]
    halves = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    return {
        "num_words": arguments.num_words,
        "words_per_second": round(requests / seconds / (1 + 1 / EVERY), 1),
        "seconds": round(time.monotonic() - start, 1),
        "largest_memory_mb": [round(max(half, default=0)) for half in halves],
        "plan": {"requests": load["requests"], "seconds": round(load["seconds"], 1)},
        "measured": {"requests": requests, "seconds": round(seconds, 1)},
        "plan_by_measured": {
            "requests": round(load["requests"] / requests, 3),
            "seconds": round(load["seconds"] / seconds, 3),
        },
    }


_COMMAND = [sys.executable, "-m", "vsd2m.cli.main"]


def _config(site: str, folder: Path, arguments: argparse.Namespace) -> Path:
    words = folder / "words.txt"
    words.write_text("".join(f"word {number}\n" for number in range(arguments.num_words)))
    source = {"source": "json_api", "site": site, "search": "/search?q={word}", "stickers": "found", "picture": "url"}
    crawl = {
        "source": source,
        "words_file": str(words),
        "words_per_partition": arguments.words_per_partition,
        "concurrency": 16,
        "delay_s": arguments.delay_s,
    }
    config = folder / "run.yaml"
    stages = {"crawl": crawl, "catalog": None}
    config.write_text(yaml.safe_dump({"run": str(folder / "run"), "stages": stages}, sort_keys=False))
    return config


def _run(config: Path, *, until: Any) -> tuple[list[float], float]:
    """Runs the pipeline until its end, or stops it; memory in MB over time, and the seconds until its first request."""
    start, first_request, samples = time.monotonic(), None, []
    process = subprocess.Popen([*_COMMAND, "run", str(config)], stdout=subprocess.DEVNULL, env=_environment())
    folder = config.parent / "run" / "crawl"
    while process.poll() is None:
        time.sleep(SAMPLE_S)
        samples.append(sum(_memory_mb(pid) for pid in _tree(process.pid)))
        if first_request is None and any(folder.glob("spool-*/facts.jsonl")):
            first_request = time.monotonic() - start
        if until():
            process.send_signal(signal.SIGINT)
            process.wait()
            return samples, first_request or 0.0
    assert process.returncode == 0, "the crawl failed"
    return samples, first_request or 0.0


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _memory_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _num_requests(site: str) -> int:
    with urlopen(f"{site}/count") as answer:
        return int(answer.read())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def serve() -> None:
    """Answers searches and pictures, and counts both; prints its address, and ends with stdin."""
    num_requests = 0
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            nonlocal num_requests
            if self.path == "/count":
                self._send(str(num_requests).encode(), "text/plain")
                return
            if not self.path.startswith(("/search", "/pictures")):
                self._send(b"", "text/plain", status=404)
                return
            with lock:
                num_requests += 1
            number = int(self.path.rpartition("%20")[2] if "search" in self.path else self.path.rpartition("/")[2])
            if "search" in self.path:
                stickers = [{"url": f"/pictures/{number}"}] if number % EVERY == 0 else []
                self._send(json.dumps({"found": stickers}).encode(), "application/json")
            else:
                self._send(b"GIF89a" + number.to_bytes(1000), "image/gif")

        def _send(self, body: bytes, media_type: str, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
