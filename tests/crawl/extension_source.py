"""An extension of the crawl: a source outside the package, for a JSON API with a key and cursors, and a model of it.

A config names it as `extension_source:StickerApi`. The key travels in a header, or in the address by option; the API
repeats it in its answers, as careless ones do.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Literal
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import SecretStr

from vsd2m.core.stage import neutral
from vsd2m.crawl.sources.base import Ask, FoundSticker, Page, PageError, SearchResults, Source, SourceConfig

PAGE_SIZE = 2


class StickerApiConfig(SourceConfig):
    """The API's key, and where it goes."""

    key: SecretStr = neutral(..., description="the key that the API gave you")
    key_in: Literal["header", "address"] = neutral("header", description="where the key is sent")


class StickerApi(Source[StickerApiConfig]):
    """Posts searches as JSON; answers hold stickers with renditions, and a cursor that only the API understands."""

    Config: ClassVar[type[SourceConfig]] = StickerApiConfig
    version: ClassVar[int] = 3

    def first_request(self, word: str) -> Ask:
        return self._ask({"query": word})

    def parse_search(self, page: Page) -> SearchResults:
        answer = page.json()
        if "stickers" not in answer:
            raise PageError(f"no stickers in the answer: {answer.get('error', 'and no error')}")
        cursor = answer.get("cursor")
        stickers = [_sticker(page, entry) for entry in answer["stickers"]]
        return SearchResults(stickers, self._ask({"cursor": cursor}) if cursor else None)

    def authorise(self, ask: Ask) -> Ask:
        key = self.config.key.get_secret_value()
        return ask.with_headers(X_Api_Key=key) if self.config.key_in == "header" else ask.with_query(api_key=key)

    def authorise_picture(self, ask: Ask) -> Ask:
        return self.authorise(ask)

    def busy_for_s(self, page: Page) -> float | None:
        seconds: float | None = page.json().get("busy_for_s")
        return seconds

    def words_request(self) -> Ask:
        return Ask(f"{self.site}/words")

    def parse_words(self, page: Page) -> list[str]:
        return list(page.json()["words"])

    def _ask(self, question: Mapping[str, str]) -> Ask:
        headers = {"Content-Type": "application/json"}
        return Ask(f"{self.site}/search?format=json", "POST", headers, json.dumps(question))


def _sticker(page: Page, entry: Mapping[str, Any]) -> FoundSticker:
    best, *others = [page.link(rendition) for rendition in entry["renditions"]]
    return FoundSticker(
        url=best,
        page_url=page.link(entry["page"]),
        title=entry["title"],
        author=entry.get("author") or "",
        licence=entry.get("licence") or "",
        licence_url=entry.get("licence_url") or "",
        attribution=entry.get("attribution") or "",
        source_id=str(entry["id"]),
        fallbacks=tuple(others),
    )


@dataclass(frozen=True)
class Asked:
    """One request as the API was sent it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str


@dataclass
class StickerApiSite:
    """Serves `stickers` by word and `media` by path to whoever sends `key`.

    `busy` searches are told to wait at first, cursors and paths in `broken` are answered 503, paths in `elsewhere` redirect.
    """

    key: str
    stickers: Mapping[str, list[dict[str, Any]]]
    media: Mapping[str, bytes]
    busy: int = 0
    broken: set[str] = field(default_factory=set)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> "StickerApiSite":
        self._server = _Server(("127.0.0.1", 0), self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers."""
        self.asked.append(asked)
        split = urlsplit(asked.target)
        if split.path == "/robots.txt":
            return 404, b"", {}
        if split.path in self.broken:
            return _json(503, {})
        if split.path in self.elsewhere:
            return 302, b"", {"Location": self.elsewhere[split.path]}
        if split.path in self.media:
            return 200, self.media[split.path], {"Content-Type": "image/gif"}
        key = asked.headers.get("x-api-key") or parse_qs(split.query).get("api_key", [""])[0]
        if key != self.key:
            return _json(401, {"error": f"wrong key {key}"})
        if split.path == "/words":
            return _json(200, {"words": list(self.stickers)})
        return self._search(asked) if split.path == "/search" else _json(404, {"error": "no such path"})

    def _search(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        if self.busy:
            self.busy -= 1
            return _json(200, {"busy_for_s": 0.2})
        question = json.loads(asked.body)
        word, start = question.get("query"), 0
        if word is None:
            cursor = bytes.fromhex(question["cursor"]).decode()
            if cursor in self.broken:
                return _json(503, {})
            word, _, number = cursor.rpartition("+")
            start = int(number)
        stickers = self.stickers.get(word, [])
        end = start + PAGE_SIZE
        answer: dict[str, Any] = {"stickers": stickers[start:end], "you": self.key, "link": quote(self.key)}
        if end < len(stickers):
            answer["cursor"] = f"{word}+{end}".encode().hex()
        return _json(200, answer)


def _json(status: int, answer: Any) -> tuple[int, bytes, dict[str, str]]:
    return status, json.dumps(answer).encode(), {"Content-Type": "application/json"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], site: StickerApiSite) -> None:
        self.site = site
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._send()

    def do_POST(self) -> None:
        self._send()

    def _send(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer, told = self.server.site.answer(Asked(self.command, self.path, headers, body))
        self.send_response(status)
        for name, value in {**told, "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: Any) -> None: ...
