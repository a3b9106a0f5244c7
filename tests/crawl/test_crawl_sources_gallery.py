"""The gallery source against the real pages of the gallery, and against pages that are something else."""

import pytest

from vsd2m.core.registry import load
from vsd2m.crawl.sources import SOURCES
from vsd2m.crawl.sources.base import Page, PageError, Source
from vsd2m.crawl.sources.gallery import GallerySource
from vsd2m.gallery import pages
from vsd2m.gallery.library import Picture

SITE = "http://gallery.example"


def test_every_registered_source_is_one() -> None:
    assert all(issubclass(load(path), Source) for path in SOURCES.values())


def test_a_sticker_page_is_read_whatever_its_words_contain() -> None:
    picture = Picture("a b/ü&?.gif", "f", "<b>&\"'</b>", ("x",), ("a&b", "c<d"), "My & licence", "<Ann>")
    sticker = GallerySource(SITE).parse_sticker(Page(f"{SITE}/sticker/x", pages.sticker_page(picture, SITE)))
    assert sticker.url == f"{SITE}/media/a%20b/%C3%BC%26%3F.gif"
    assert (sticker.title, sticker.tags) == (picture.title, picture.tags)
    assert (sticker.licence, sticker.author) == (picture.licence, picture.author)


def test_a_page_that_states_no_licence_gives_none() -> None:
    page = pages.sticker_page(Picture("a.gif", "a.gif", "A", ("a",)), SITE)
    sticker = GallerySource(SITE).parse_sticker(Page(f"{SITE}/sticker/a.gif", page))
    assert (sticker.licence, sticker.author, sticker.tags) == ("", "", ())


@pytest.mark.parametrize("text", ["", "Sorry", "<html><body>Not found</body></html>", "{}", "\0"])
def test_pages_of_another_kind_are_refused(text) -> None:
    source = GallerySource(f"{SITE}/")
    with pytest.raises(PageError):
        source.parse_search(Page(SITE, text))
    with pytest.raises(PageError):
        source.parse_sticker(Page(SITE, text))


def test_words_are_escaped_in_addresses() -> None:
    source = GallerySource(SITE)
    assert source.search_request("a & b", 1) == f"{SITE}/search?q=a+%26+b"
    assert source.search_request("早", 3) == f"{SITE}/search?q=%E6%97%A9&page=3"
