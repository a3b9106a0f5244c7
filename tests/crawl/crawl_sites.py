"""Tiny real sites for the crawl to visit, and a source for one of them."""

import io
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

from vsd2m.core.run import Run, StageLayout
from vsd2m.core.stage import FileResult
from vsd2m.core.storage import Store
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig
from vsd2m.crawl.stage import CrawlStage

RULE_FILES = {"/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"}
"""What is asked for once per origin, before anything else."""


def make_picture(number: int, media_format: str = "GIF") -> bytes:
    """An animated picture of two frames, another for every number."""
    frames = [Image.new("RGB", (8, 8), (number % 256, shade, number // 256)) for shade in (10, 200)]
    file = io.BytesIO()
    frames[0].save(file, media_format, save_all=True, append_images=frames[1:], duration=50)
    return file.getvalue()


def write_gallery(folder: Path, entries: Sequence[Mapping[str, Any]], files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "truth.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return folder


@dataclass
class Crawl:
    """A crawl stage on a run of its own."""

    stage: CrawlStage
    run: Run

    def write(self, partition: int = 0) -> FileResult:
        return self.stage.write_partition(self.run, partition)

    def tar(self, partition: int = 0) -> bytes:
        return self.run.store.read_bytes(f"crawl/media-{partition:06d}.tar")


def make_crawl(folder: Path | str, *, source: str | Mapping[str, Any], site: str | None = None, **config: Any) -> Crawl:
    """A crawl of `site` by a source of that name, or by a source with its options."""
    options = source if site is None else {"source": source, "site": site}
    stage = CrawlStage(CrawlConfig.model_validate({"source": options, **config}))
    return Crawl(stage, Run(Store(str(folder)), (StageLayout("crawl", "crawl", "file", stage.spec.writes),)))


@dataclass
class Script:
    """What a scripted site answers at one path; `turns` are answers given before it, one each time.

    `raw` is sent as it is instead of all else, `endless` again and again after it, until the crawler hangs up.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hang_up: bool = False
    chunked: bool = False
    raw: bytes = b""
    endless: bytes = b""
    turns: "list[Script]" = field(default_factory=list)


class ScriptedSite:
    """Answers by a dict of paths, and remembers when it was asked for what."""

    def __init__(self, answers: Mapping[str, Script], port: int = 0) -> None:
        self.answers = answers
        self.asked: list[tuple[float, str]] = []
        self.headers: list[tuple[str, Mapping[str, str]]] = []
        self.closing = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append((time.monotonic(), self.path))
                site.headers.append((self.path, dict(self.headers)))
                script = site.answers.get(self.path, Script(status=404))
                script = script.turns.pop(0) if script.turns else script
                site.closing.wait(script.delay)
                if script.raw:
                    self._send_raw(script)
                    return
                self.send_response(script.status)
                for name, value in script.headers.items():
                    self.send_header(name, value)
                size = len(script.body) + (100 if script.hang_up else 0)
                self.send_header(
                    *(("Transfer-Encoding", "chunked") if script.chunked else ("Content-Length", str(size)))
                )
                self.end_headers()
                self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (size, script.body) if script.chunked else script.body)
                self.close_connection = script.hang_up

            def _send_raw(self, script: Script) -> None:
                self.close_connection = True
                self.wfile.write(script.raw)
                while script.endless and not site.closing.is_set():
                    self.wfile.write(script.endless)

            def log_message(self, *args: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None: ...

        self._server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "ScriptedSite":
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class ListSource(Source[SourceConfig]):
    """Reads results pages that are JSON: `{"stickers": [link or {"url": ...}], "next": bool}`; pages: `{"url": ...}`."""

    def first_request(self, word: str) -> Ask:
        return Ask(f"{self.site}/find/{word}/1")

    def parse_search(self, page: Page) -> SearchResults:
        told = json.loads(page.text)
        stickers = [
            page.link(entry)
            if isinstance(entry, str)
            else FoundSticker(
                url=page.link(entry["url"]),
                page_url=page.url,
                title=entry.get("title", ""),
                fallbacks=tuple(page.link(url) for url in entry.get("fallbacks", ())),
            )
            for entry in told["stickers"]
        ]
        stem, _, number = page.url.rpartition("/")
        return SearchResults(stickers, Ask(f"{stem}/{int(number) + 1}") if told["next"] else None)

    def parse_sticker(self, page: Page) -> FoundSticker:
        told = json.loads(page.text)
        if "url" not in told:
            raise PageError("no url on the page")
        return FoundSticker(url=page.link(told["url"]), page_url=page.url)


def results(*stickers: Any, has_next: bool = False) -> Script:
    text = json.dumps({"stickers": stickers, "next": has_next})
    return Script(text.encode(), headers={"Content-Type": "application/json"})


def page(told: Any, **headers: str) -> Script:
    return Script(json.dumps(told).encode(), headers={"Content-Type": "application/json", **headers})
