"""The downloader middleware that obeys reservations against machine learning, before a request and in its answer."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, Response, TextResponse
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import ProtegoRobotParser
from scrapy.selector import Selector

from vsd2m.crawl.rights import signals as rights_signals
from vsd2m.crawl.rights.robots_groups import RobotsGroups, decoded
from vsd2m.crawl.rights.signal import Statement, Target, product_of, reserving
from vsd2m.crawl.scraping.addresses import origin
from vsd2m.crawl.scraping.job import Refusal
from vsd2m.crawl.scraping.refused import RefusedRequest

MAX_FILE_BYTES = 512 << 10
"""Of a robots.txt (RFC 9309 asks for at least 500 KiB), a licence, or another file about rights."""
MAX_LICENCES = 8
"""Licence files that are read for one origin; a page cannot send the crawler to any number of addresses."""

SIGNALS = rights_signals()
_HEADERS = tuple(name for signal in SIGNALS for name in signal.headers)
_ELEMENTS = re.compile("<(meta|link)\\b", re.IGNORECASE)


class RobotsParser(ProtegoRobotParser):  # type: ignore[misc]
    """Protego for what may be crawled, and the groups for what else they say."""

    def __init__(self, robotstxt_body: bytes, spider: Any) -> None:
        super().__init__(decoded(robotstxt_body).encode(), spider)
        self.groups = RobotsGroups(robotstxt_body)


@dataclass
class _Site:
    """The files of an origin: robots.txt, files about rights, and licences (None: unreadable).

    `licences` are those of robots.txt by the address that it gives, `asked_licences` all that were asked for.
    """

    groups: RobotsGroups
    files: Mapping[str, str]
    licences: dict[str, str | None] = field(default_factory=dict)
    asked_licences: "dict[str, asyncio.Future[str | None]]" = field(default_factory=dict)

    def statements(self, target: Target) -> Iterator[Statement]:
        for signal in SIGNALS:
            yield from signal.in_robots(self.groups, target)
            for path in signal.site_files:
                if path in self.files:
                    yield from signal.in_site_file(path, self.files[path], target)
            for address, text in self.licences.items():
                yield from signal.in_licence(address, text, target)


class ObeyReservations:
    """Refuses requests that robots.txt or a file beside it reserves, and answers that are reserved.

    That holds for results pages, sticker pages, answers of APIs and pictures alike. What was said lies in
    `request.meta["statements"]`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._product = product_of(crawler.settings["USER_AGENT"])
        self._groups: dict[Any, RobotsGroups] = {}
        self._sites: dict[Any, asyncio.Future[_Site]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "ObeyReservations":
        obeyed = cls(crawler)
        crawler.signals.connect(obeyed.on_robots, signal=signals.robots_parsed)
        crawler.signals.connect(obeyed.on_headers, signal=signals.headers_received)
        return obeyed

    def on_robots(self, robotparser: RobotsParser, request: Request) -> None:
        self._groups[origin(request.url)[1:]] = robotparser.groups

    async def process_request(self, request: Request) -> None:
        if request.meta.get("dont_obey_robotstxt"):
            return
        site = await self._site(request)
        statements = list(site.statements(self._target(request)))
        request.meta["statements"] = statements
        # A file of TDMRep may be overridden in the answer; everything else is final.
        _refuse(statement for statement in statements if statement.signal != "tdmrep")

    def on_headers(self, headers: Headers, request: Request) -> None:
        """Ends the download of a picture before its body comes where the headers reserve it."""
        if "picture" not in request.cb_kwargs or "statements" not in request.meta:
            return
        statements = [*request.meta["statements"], *self._in_headers(headers, request)]
        if statement := reserving(statements):
            request.meta["reserved"] = reserved(statement)
            raise StopDownload

    async def process_response(self, request: Request, response: Response) -> Response:
        if request.meta.get("dont_obey_robotstxt") or response.status != HTTPStatus.OK:
            return response
        statements = request.meta["statements"]
        statements.extend(self._in_headers(response.headers, request))
        addresses = [address for signal in SIGNALS for address in signal.licences_in_headers(_values(response.headers))]
        if "picture" in request.cb_kwargs:
            statements.extend(statement for signal in SIGNALS for statement in signal.in_picture(response.body))
        elif isinstance(response, TextResponse) and _ELEMENTS.search(response.text):
            page = Selector(text=response.text, type="html")
            target = self._target(request)
            statements.extend(statement for signal in SIGNALS for statement in signal.in_page(page, target))
            addresses.extend(address for signal in SIGNALS for address in signal.licences_in_page(page))
        statements.extend([statement async for statement in self._in_licences(addresses, request, response.url)])
        _refuse(statements)
        return response

    def _target(self, request: Request) -> Target:
        return Target(request.url, self._product)

    def _in_headers(self, headers: Headers, request: Request) -> list[Statement]:
        values, target = _values(headers), self._target(request)
        return [statement for signal in SIGNALS for statement in signal.in_headers(values, target)]

    async def _in_licences(self, addresses: Iterable[str], request: Request, base: str) -> Any:
        site = await self._site(request)
        for address in _distinct(_absolute(base, address) for address in addresses):
            text = await self._licence(site, address)
            for signal in SIGNALS:
                for statement in signal.in_licence(address, text, self._target(request)):
                    yield statement

    # -- files of an origin ----------------------------------------------------------------------

    async def _site(self, request: Request) -> _Site:
        """What the request's origin says; read once, whoever asks first."""
        key = origin(request.url)
        if key not in self._sites:
            self._sites[key] = asyncio.ensure_future(self._read_site(request))
        return await asyncio.shield(self._sites[key])

    async def _read_site(self, request: Request) -> _Site:
        groups = self._groups.get(origin(request.url)[1:], RobotsGroups(b""))
        if request.meta.get("dont_retry"):  # nobody answered the request for robots.txt
            return _Site(groups, {})
        paths = [path for signal in SIGNALS for path in signal.site_files]
        texts = {path: await self._read(urljoin(request.url, path)) for path in paths}
        site = _Site(groups, {path: text for path, text in texts.items() if text is not None})
        for signal in SIGNALS:
            for address in _distinct(signal.licences_in_robots(groups)):
                site.licences[address] = await self._licence(site, _absolute(request.url, address))
        return site

    async def _licence(self, site: _Site, address: str) -> str | None:
        """The text of a licence file, which is asked for once."""
        licences = site.asked_licences
        if address not in licences:
            if len(licences) >= MAX_LICENCES or self._crawler.spider.places.refusal(address, any_host=True):
                return None
            licences[address] = asyncio.ensure_future(self._read(address))
        return await asyncio.shield(licences[address])

    async def _read(self, url: str) -> str | None:
        """The text of a file about rights, which is kept as evidence; None where there is none."""
        meta = {"dont_obey_robotstxt": True, "download_maxsize": MAX_FILE_BYTES}
        request = Request(url, priority=1000, meta=meta, callback=NO_CALLBACK)
        try:
            response: Response = await self._crawler.engine.download_async(request)
        except Exception:  # for an optional file, every failure means that it is absent
            return None
        if response.status != HTTPStatus.OK:
            return None
        self._crawler.spider.on_site_file(url, response.status, response.body)
        return decoded(response.body)


def reserved(statement: Statement) -> Refusal:
    """The reject of what a statement reserves."""
    return Refusal("noai", detail=str(statement))


def _refuse(statements: Iterable[Statement]) -> None:
    if statement := reserving(statements):
        raise RefusedRequest(reserved(statement))


def _values(headers: Headers) -> dict[str, list[str]]:
    """The headers that a signal reads; most answers have none of them."""
    return {name: [value.decode("latin-1") for value in headers.getlist(name)] for name in _HEADERS if name in headers}


def _distinct(addresses: Iterable[str]) -> list[str]:
    """The first `MAX_LICENCES` of them, each once."""
    return list(dict.fromkeys(addresses))[:MAX_LICENCES]


def _absolute(base: str, address: str) -> str:
    try:
        return urljoin(base, address.strip())
    except ValueError:
        return address
