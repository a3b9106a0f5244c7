"""The gallery source against the real pages of the gallery, and against pages that are something else."""

import pytest

from vsd2m.core.registry import load
from vsd2m.crawl.sources import SOURCES
from vsd2m.crawl.sources.base import Ask, Page, PageError, Source
from vsd2m.crawl.sources.gallery import GalleryConfig, GallerySource
from vsd2m.gallery import pages
from vsd2m.gallery.library import SiteSticker

SITE = "http://gallery.example"


def _source(site: str = SITE) -> GallerySource:
    return GallerySource(GalleryConfig(site=site))


def test_every_registered_source_is_one() -> None:
    assert all(issubclass(load(path), Source) for path in SOURCES.values())


def test_a_sticker_page_is_read_whatever_its_words_contain() -> None:
    picture = SiteSticker("a b/ü&?.gif", "f", "<b>&\"'</b>", ("x",), ("a&b", "c<d"), "My & licence", "<Ann>")
    sticker = _source().parse_sticker(Page(f"{SITE}/sticker/x", pages.sticker_page(picture, SITE)))
    assert sticker.url == f"{SITE}/media/a%20b/%C3%BC%26%3F.gif"
    assert (sticker.title, sticker.tags) == (picture.title, picture.tags)
    assert (sticker.licence, sticker.author) == (picture.licence, picture.author)
    assert sticker.licence_url == f"{SITE}/licence?name=My+%26+licence"


def test_a_page_that_states_no_licence_gives_none() -> None:
    page = pages.sticker_page(SiteSticker("a.gif", "a.gif", "A", ("a",)), SITE)
    sticker = _source().parse_sticker(Page(f"{SITE}/sticker/a.gif", page))
    assert (sticker.licence, sticker.licence_url, sticker.author, sticker.tags) == ("", "", "", ())


@pytest.mark.parametrize("text", ["", "Sorry", "<html><body>Not found</body></html>", "{}", "\0"])
def test_pages_of_another_kind_are_refused(text) -> None:
    source = _source(f"{SITE}/")
    with pytest.raises(PageError):
        source.parse_search(Page(SITE, text))
    with pytest.raises(PageError):
        source.parse_sticker(Page(SITE, text))


def test_words_are_escaped_in_addresses_and_the_next_page_is_where_the_site_says() -> None:
    source = _source()
    assert source.first_request("a & b") == Ask(f"{SITE}/search?q=a+%26+b")
    assert source.first_request("早") == Ask(f"{SITE}/search?q=%E6%97%A9")
    page = '<ul class="stickers"></ul><a rel="next" href="/search?q=a&amp;page=3">next</a>'
    assert source.parse_search(Page(f"{SITE}/search", page)).next_ask == Ask(f"{SITE}/search?q=a&page=3")
