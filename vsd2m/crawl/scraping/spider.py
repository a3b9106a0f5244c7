"""The spider: words -> results pages -> sticker pages -> original bytes. It only notes facts; the parent joins them."""

import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

import scrapy
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, StopDownload
from scrapy.http import Response
from twisted.python.failure import Failure

from vsd2m.core.keys import sticker_key
from vsd2m.core.takedown import TakedownList
from vsd2m.crawl.coordination.clients import CrawlerClient
from vsd2m.crawl.records.evidence import now, site_file
from vsd2m.crawl.records.known import EarlierAnswers
from vsd2m.crawl.records.outcomes import addresses_of, shared_name
from vsd2m.crawl.scraping.addresses import Places, origin
from vsd2m.crawl.scraping.job import Job, Refusal
from vsd2m.crawl.scraping.refusals import crawler_error, refusal_of, source_error
from vsd2m.crawl.scraping.refused import NOBODY_THERE
from vsd2m.crawl.scraping.responses import (
    RefusedError,
    check_status,
    checked_sticker,
    content_type,
    keyless_url,
    read,
    robots_column,
    targets_of,
)
from vsd2m.crawl.scraping.sharing import KnownAnswer, Outage, is_shareable, no_hosts
from vsd2m.crawl.scraping.spool import Spool, SpoolError
from vsd2m.crawl.sources.base import Ask, Page, SearchResults
from vsd2m.media.media_types import sniff

T = TypeVar("T")

MAX_PAGE_BYTES = 16 << 20


class StickerSpider(scrapy.Spider):  # type: ignore[misc]
    """Visits every page and every picture once, however many words lead there."""

    name = "stickers"

    def __init__(self, job: Job, spool: Spool, earlier_answers: EarlierAnswers) -> None:
        super().__init__()
        self.job = job
        self.source = job.open_source()
        self.redacted = job.redaction()
        media_hosts = (*self.source.media_hosts, *job.media_hosts)
        self.places = Places(job.site, media_hosts, job.private_hosts, any_host=self.source.lists_stickers)
        self.takedown = TakedownList.of(job.takedown)
        self._spool = spool
        self._requested_names: set[str] = set()
        self._earlier_answers = earlier_answers
        self._links = {number: set(earlier_answers.links(number)) for number in list(earlier_answers.finds)}
        self._cursors: set[tuple[int, str]] = set()
        self._downloaded = set(earlier_answers.pictures)
        self._refused = set(earlier_answers.refused_pictures)
        self._renditions: dict[str, list[Sequence[str]]] = defaultdict(list)
        self.outage = Outage(job.site, max_s=job.max_outage_s, is_known=job.is_site_known)
        self.coordination = CrawlerClient(job.coordinator, str(job.spool)) if job.coordinator else None
        self.claimed: set[str] = set()
        self.hosts = no_hosts()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "StickerSpider":
        spider: StickerSpider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.on_headers, signal=signals.headers_received)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        if self.job.words is None:
            for request in self._ask_source(self.source.words_request, self.on_words):
                yield request
            return
        for number, word in enumerate(self.job.words):
            for request in self._search_on(number, word):
                yield request

    # -- words and results pages -----------------------------------------------------------------

    def on_words(self, response: Response) -> None:
        self._note("words", words=list(self._read(response, self.source.parse_words)))

    def _search_on(self, number: int, word: str) -> Iterator[Request]:
        """Requests the missing results of a word: all, or those that an earlier crawl lacks."""
        for lacking in self._earlier_answers.lacking(number):
            yield from self._page(lacking) if isinstance(lacking, str) else self._picture(addresses_of(lacking))
        if request := self._earlier_answers.next_request(number):
            page, ask = request
            make_ask = partial(self.source.first_request, word) if ask is None else lambda: ask
            yield from self._ask_source(make_ask, self.on_search, number=number, page=page)

    def _ask_source(self, make_ask: Callable[[], Ask | None], callback: Any, **about: Any) -> Iterator[Request]:
        """The request that the source creates; an exception in its code is a failure of that request."""
        try:
            ask = self._checked_ask(make_ask())
        except Exception as error:
            yield from self._refuse(about, source_error(error), url="")
            return
        yield from self._request(ask, callback, is_made_up=True, **about)

    def _checked_ask(self, ask: Any) -> Ask:
        if not isinstance(ask, Ask) or not isinstance(ask.url, str):
            raise TypeError(f"expected an Ask with an address, found {ask!r}")
        if self.redacted.is_needed(json.dumps(asdict(ask))):
            raise ValueError("a key stands in what to ask for, which is stored; `authorise` is the place for it")
        return ask

    def on_search(self, response: Response, number: int, page: int) -> Iterator[Request]:
        results, targets = self._read(response, lambda page: self._results(self.source.parse_search(page)))
        links = self._links.setdefault(number, set())
        unseen = [link for link in targets if link not in links]
        new_links = unseen[: self.job.max_stickers_per_word - len(links)]
        leads_on = bool(new_links or not targets) and self._is_new_cursor(number, results.next_ask)
        next_ask = results.next_ask if leads_on else None
        cut = None
        if limit := self._limit(number, page, len(links) + len(unseen), next_ask):
            page_url = keyless_url(response.request, response.url, self.redacted)
            at = next_ask.url if next_ask and len(new_links) == len(unseen) else page_url
            cut = {**asdict(limit), "url": at}
            next_ask = None
        following = None if next_ask is None else asdict(next_ask)
        self._note("search", word=number, page=page, num_links=len(new_links), next_ask=following, cut=cut)
        for link in new_links:
            rank = len(links)
            links.add(link)
            yield from self._follow(number, rank, link, targets[link])
        if next_ask is not None:
            yield from self._ask_source(lambda: next_ask, self.on_search, number=number, page=page + 1)

    def _limit(self, number: int, page: int, num_links: int, next_ask: Ask | None) -> Refusal | None:
        """The limit that ends a word's search here, though `num_links` links were seen or more pages would follow."""
        assert self.job.words is not None
        detail = f"the results for {self.job.words[number]!r} go on after page {page}"
        max_stickers, max_pages = self.job.max_stickers_per_word, self.job.max_pages_per_word
        if num_links > max_stickers or (num_links == max_stickers and next_ask is not None):
            return Refusal("too_many_stickers", num_links, max_stickers, detail)
        if page >= max_pages and next_ask is not None:
            return Refusal("too_many_pages", page + 1, max_pages, detail)
        return None

    def _is_new_cursor(self, number: int, ask: Ask | None) -> bool:
        """Whether the next page of a word was not asked for before: searches with repeating cursors end."""
        cursor = (number, repr(ask))
        is_new = ask is not None and cursor not in self._cursors
        self._cursors.add(cursor)
        return is_new

    def _results(self, results: SearchResults) -> tuple[SearchResults, Mapping[str, Any]]:
        if results.next_ask is not None:
            self._checked_ask(results.next_ask)
        return results, targets_of(results)

    def _read(self, response: Response, parse: Callable[[Page], T]) -> T:
        return read(response, parse, redacted=self.redacted, readable=self.source.readable_statuses)

    def _follow(self, number: int, rank: int, link: str, target: Any) -> Iterator[Request]:
        """Notes a link, and asks for what it leads to unless that was asked for before."""
        if isinstance(target, str):
            self._note("find", word=number, rank=rank, link=link, sticker=None, refusal=None)
            yield from self._page(link)
            return
        try:
            sticker = checked_sticker(target)
        except RefusedError as error:
            self._note("find", word=number, rank=rank, link=link, sticker=None, refusal=asdict(error.refusal))
            return
        self._note("find", word=number, rank=rank, link=None, sticker=asdict(sticker), refusal=None)
        yield from self._picture((sticker.url, *sticker.fallbacks))

    # -- sticker pages ---------------------------------------------------------------------------

    def _page(self, link: str) -> Iterator[Request]:
        if link not in self._earlier_answers.pages and self._is_new(link):
            yield from self._request(Ask(link), self.on_page, link=link)

    def on_page(self, response: Response, link: str) -> Iterator[Request]:
        sticker = checked_sticker(self._read(response, self.source.parse_sticker))
        self._note("page", link=link, sticker=asdict(sticker), refusal=None)
        yield from self._picture((sticker.url, *sticker.fallbacks))

    def _refuse_page(self, link: str, refusal: Refusal) -> None:
        self._note("page", link=link, sticker=None, refusal=asdict(refusal))

    # -- pictures --------------------------------------------------------------------------------

    def _picture(self, addresses: Sequence[str]) -> Iterator[Request]:
        """Asks for the first of a sticker's renditions that is not known to be unavailable."""
        for place, url in enumerate(addresses):
            if url in self._refused:
                continue
            if url not in self._downloaded:
                self._renditions[url].append(addresses[place + 1 :])
                if self._is_new(f"picture {url}"):
                    yield from self._request(Ask(url), self.on_picture, picture=url)
            return

    def on_headers(self, body_length: int, request: Request) -> None:
        """Remembers the size that an answer announces."""
        request.meta["num_bytes"] = body_length if isinstance(body_length, int) else 0

    def on_picture(self, response: Response, picture: str) -> Iterator[Request]:
        check_status(response)
        key, media_format = sticker_key(response.body), sniff(response.body)
        if media_format is None:
            refusal = Refusal("not_an_image", detail=f"Content-Type says {content_type(response)}")
            yield from self._refuse_picture(picture, refusal, key=key)
            return
        self._downloaded.add(picture)
        self._note("read", address=picture, read_at=now())
        self._keep(key, response.body)
        self._note(
            "picture",
            picture=picture,
            url=keyless_url(response.request, response.url, self.redacted),
            key=key,
            media_format=media_format,
            num_bytes=len(response.body),
            robots=robots_column(response),
            refusal=None,
        )

    def _refuse_picture(self, picture: str, refusal: Refusal, *, key: str | None = None) -> Iterator[Request]:
        """Notes that a rendition is unavailable, and asks for the next of each sticker that it is one of."""
        self._note("picture", picture=picture, key=key, refusal=asdict(refusal))
        if refusal.reason == "noai":
            self._note("read", address=picture, read_at=now())
        yield from self._pass_over(picture)

    def _pass_over(self, picture: str) -> Iterator[Request]:
        """Asks for the next rendition of each sticker that an unavailable picture is one of."""
        self._refused.add(picture)
        for further in self._renditions.pop(picture, []):
            yield from self._picture(further)

    # -- evidence ----------------------------------------------------------------------------------

    def on_site_file(self, address: str, status: int, body: bytes) -> None:
        """Keeps what a site said as a whole, its robots.txt and the like, as it stood when it was read."""
        self._note("site_file", **site_file(address, status, body))

    # -- what went wrong -------------------------------------------------------------------------

    def on_error(self, failure: Failure) -> Iterator[Request]:
        request: Request = failure.request
        if isinstance(failure.value, KnownAnswer):
            yield from self._repeat(failure.value.fact)
            return
        refusal = self._refusal_of(failure.value, request)
        is_site = origin(request.url) == origin(self.job.site)
        if isinstance(failure.value, NOBODY_THERE) and is_site and self.outage.is_over_limit(now=time.monotonic()):
            self._note("site_down", detail=refusal.detail)
            raise CloseSpider("site_down")
        yield from self._refuse(request.cb_kwargs, refusal, url=keyless_url(request, request.url, self.redacted))

    def _repeat(self, fact: dict[str, Any]) -> Iterator[Request]:
        """Records the fact of another worker about an address, and continues as if it had been requested here."""
        self._note(**fact)
        if fact["fact"] == "page":
            if fact["refusal"] is None:
                yield from self._picture(addresses_of(fact["sticker"]))
        elif fact["refusal"] is None:
            self._downloaded.add(fact["picture"])
        else:
            yield from self._pass_over(fact["picture"])

    def _refuse(self, about: Mapping[str, Any], refusal: Refusal, *, url: str) -> Iterator[Request]:
        """Records why an address is unavailable, and requests a replacement if there is one."""
        if refusal.reason == "out_of_memory":
            refusal = replace(refusal, limit=self.job.max_memory_bytes)
        if "picture" in about:
            yield from self._refuse_picture(about["picture"], refusal)
        elif "link" in about:
            self._refuse_page(about["link"], refusal)
        elif "number" in about:
            self._note("search_refused", word=about["number"], page=about["page"], url=url, **asdict(refusal))
        else:
            self._note("words_refused", **asdict(refusal))

    def _refusal_of(self, error: BaseException, request: Request) -> Refusal:
        if isinstance(error, StopDownload):
            reserved: Refusal = request.meta["reserved"]
            return reserved
        return refusal_of(
            error,
            host=origin(request.url)[1] or "",
            max_bytes=request.meta["download_maxsize"],
            num_bytes=request.meta.get("num_bytes") or None,
            timeout_s=self.job.timeout_s,
        )

    # -- requests and facts ----------------------------------------------------------------------

    def _request(self, ask: Ask, callback: Any, *, is_made_up: bool = False, **about: Any) -> Iterator[Request]:
        """The request of an address, or a fact with the reason why it is not requested.

        `is_made_up`: by the source and not by a page, so that it may lead to any public host.
        """
        entry = self.takedown.entry_for_address(ask.url)
        refusal = self.places.refusal(ask.url, any_host=is_made_up)
        if refusal := refusal or (Refusal("taken_down", detail=entry) if entry else None):
            yield from self._refuse(about, refusal, url=ask.url)
            return
        try:
            sent = self._authorised(ask, is_picture="picture" in about)
            request = Request(
                sent.url,
                partial(self._answered, callback),
                method=sent.method,
                headers=dict(sent.headers),
                body=sent.body,
                errback=self.on_error,
                cb_kwargs=about,
                meta={
                    "download_maxsize": self.job.max_file_bytes if "picture" in about else MAX_PAGE_BYTES,
                    "keyless_url": Request(ask.url).url,
                    "shared_name": shared_name(about),
                    "sent_headers": tuple(sent.headers),
                },
                # Scrapy's own filter would lose, without a word, a redirect to an address already visited
                dont_filter=True,
            )
        except Exception as error:
            yield from self._refuse(about, source_error(error), url=ask.url)
            return
        yield request

    def has_api_policy(self, request: Request) -> bool:
        """Whether the policy of the site's API, and not robots.txt, says that this page may be asked for."""
        policy = self.source.api_policy
        is_page = "picture" not in request.cb_kwargs and origin(request.url) == origin(self.job.site)
        return policy is not None and is_page and policy.covers(request.url)

    def _authorised(self, ask: Ask, *, is_picture: bool) -> Ask:
        """With the source's keys, which no other origin than the site's own is sent."""
        if origin(ask.url) != origin(self.job.site):
            return ask
        sent: Ask = self.source.authorise_picture(ask) if is_picture else self.source.authorise(ask)
        if origin(sent.url) != origin(ask.url):
            raise ValueError("`authorise` may not lead to another host")
        return sent

    def _answered(self, callback: Any, response: Response, **about: Any) -> Iterator[Request]:
        """What `callback` makes of an answer. Whatever it raises becomes the fact of what was asked for."""
        try:
            yield from callback(response, **about) or ()
        except CloseSpider:
            raise
        except RefusedError as error:
            yield from self._refuse(
                about, error.refusal, url=keyless_url(response.request, response.url, self.redacted)
            )
        except Exception as error:
            self.logger.exception("an error in the crawler at %s", response.url)
            url = keyless_url(response.request, response.url, self.redacted)
            yield from self._refuse(about, crawler_error(error), url=url)

    def _is_new(self, name: str) -> bool:
        is_new = name not in self._requested_names
        self._requested_names.add(name)
        return is_new

    def _note(self, fact: str, **values: Any) -> None:
        try:
            line = self._spool.note(fact, **values)
        except SpoolError as error:
            raise CloseSpider("spool") from error
        name = shared_name(values) if fact in ("page", "picture") else None
        if name in self.claimed and self.coordination is not None:
            self.claimed.discard(name)
            noted = json.loads(line)
            self.coordination.settle(name, noted if is_shareable(noted) else None)

    def _keep(self, key: str, data: bytes) -> None:
        try:
            self._spool.keep(key, data)
        except SpoolError as error:
            raise CloseSpider("spool") from error
