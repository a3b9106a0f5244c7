"""The gallery's pages, as HTML."""

import json
from collections.abc import Sequence
from html import escape
from urllib.parse import quote, urlencode

from vsd2m.gallery.library import Library, SiteSticker

PAGE_SIZE = 24
NUM_POPULAR_WORDS = 60
NUM_FEATURED = 12

_LICENCE_LINKS = {
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc-by-sa-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "mit": "https://opensource.org/license/mit",
}


def home_page(library: Library) -> str:
    """Popular words and a few stickers."""
    word_links = "".join(
        f'<li><a href="{search_link(word)}">{escape(word)} <small>{count}</small></a></li>'
        for word, count in library.words[:NUM_POPULAR_WORDS]
    )
    step = max(1, len(library.stickers) // NUM_FEATURED)
    featured = [sticker for sticker in library.stickers[::step] if sticker.planted is None][:NUM_FEATURED]
    heading = f"<h1>{len(library.stickers)} stickers, {len(library.words)} words</h1>"
    return _page("Sticker gallery", f'{heading}<ul class="words">{word_links}</ul>{_grid(featured)}')


def search_page(library: Library, query: str, page: int) -> str | None:
    """One page of results, or None if there is no such page."""
    results = library.search(query)
    num_pages = max(1, -(-len(results) // PAGE_SIZE))
    if not 1 <= page <= num_pages:
        return None
    page_results = results[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    body = f"<h1>{len(results)} stickers for “{escape(query)}”</h1>{_grid(page_results)}"
    return _page(f"{query} - stickers", body + _pagination(query, page, num_pages), query=query)


def sticker_page(sticker: SiteSticker, base_url: str) -> str:
    """One sticker with all its data, for people, in Open Graph and in JSON-LD."""
    word_links = "".join(
        f'<li><a rel="tag" class="word" href="{search_link(word)}">{escape(word)}</a></li>'
        for word in sticker.trigger_words
    )
    tag_links = "".join(
        f'<li><a rel="tag" class="tag" href="{search_link(tag)}">{escape(tag)}</a></li>' for tag in sticker.tags
    )
    image = f'<img id="sticker" src="{media_link(sticker)}" alt="{escape(sticker.title)}">'
    body = f"""<article class="sticker"><figure>{image}</figure><div><h1>{escape(sticker.title)}</h1><dl>
<dt>Words</dt><dd><ul class="words">{word_links}</ul></dd>
<dt>Tags</dt><dd><ul class="words">{tag_links}</ul></dd>
<dt>Author</dt><dd>{_author(sticker)}</dd>
<dt>Licence</dt><dd>{_licence(sticker)}</dd>
</dl></div></article>"""
    return _page(sticker.title, body, head=_open_graph(sticker, base_url) + _json_ld(sticker, base_url))


def licence_page(name: str) -> str:
    """The page of a licence that has no well-known address."""
    return _page(name, f"<h1>{escape(name)}</h1><p>The licence that the author states for these stickers.</p>")


def not_found_page() -> str:
    """The page for every unknown address."""
    return _page("Not found", "<h1>Not found</h1><p>There is no such page here.</p>")


def search_link(word: str, page: int = 1) -> str:
    """The address of a page of results, escaped for an attribute."""
    arguments = {"q": word} if page == 1 else {"q": word, "page": str(page)}
    return escape(f"/search?{urlencode(arguments)}")


def sticker_link(sticker: SiteSticker) -> str:
    """The address of a sticker's page."""
    return f"/sticker/{quote(sticker.name)}"


def media_link(sticker: SiteSticker) -> str:
    """The address of the image file; planted misbehaviour decides the folder."""
    folder = {"robots_disallowed": "private", "redirect": "go", "offsite_redirect": "go"}
    return f"/{folder.get(sticker.planted or '', 'media')}/{quote(sticker.name)}"


def _grid(stickers: Sequence[SiteSticker]) -> str:
    cells = "".join(
        f'<li><a class="sticker-link" href="{sticker_link(sticker)}">'
        f'<img loading="lazy" src="{media_link(sticker)}" alt=""><span>{escape(sticker.title)}</span></a></li>'
        for sticker in stickers
    )
    return f'<ul class="stickers">{cells}</ul>'


def _pagination(query: str, page: int, num_pages: int) -> str:
    before = f'<a rel="prev" href="{search_link(query, page - 1)}">← previous</a>' if page > 1 else ""
    after = f'<a rel="next" href="{search_link(query, page + 1)}">next →</a>' if page < num_pages else ""
    return f'<nav class="pages">{before}<span>page {page} of {num_pages}</span>{after}</nav>'


def _author(sticker: SiteSticker) -> str:
    return f'<span class="author">{escape(sticker.author)}</span>' if sticker.author else "not stated"


def _licence(sticker: SiteSticker) -> str:
    if not sticker.licence:
        return "not stated"
    return f'<a rel="license" href="{escape(_licence_link(sticker.licence))}">{escape(sticker.licence)}</a>'


def _licence_link(licence: str) -> str:
    well_known_link = _LICENCE_LINKS.get(licence.casefold().replace(" ", "-"))
    return well_known_link or f"/licence?{urlencode({'name': licence})}"


def _open_graph(sticker: SiteSticker, base_url: str) -> str:
    properties = {
        "og:type": "article",
        "og:title": sticker.title,
        "og:url": base_url + sticker_link(sticker),
        "og:image": base_url + media_link(sticker),
    }
    return "".join(f'<meta property="{name}" content="{escape(text)}">' for name, text in properties.items())


def _json_ld(sticker: SiteSticker, base_url: str) -> str:
    properties = {
        "@context": "https://schema.org",
        "@type": "ImageObject",
        "name": sticker.title,
        "contentUrl": base_url + media_link(sticker),
        "keywords": [*sticker.trigger_words, *sticker.tags],
        **({"license": _licence_link(sticker.licence)} if sticker.licence else {}),
        **({"creator": {"@type": "Person", "name": sticker.author}} if sticker.author else {}),
    }
    # "<" is not allowed in a script element: the text could close it
    text = json.dumps(properties, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'


def _page(title: str, body: str, *, head: str = "", query: str = "") -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/style.css">{head}</head><body>
<header><a class="brand" href="/">Sticker gallery</a>
<form action="/search" role="search"><input type="search" name="q" value="{escape(query)}" placeholder="Search stickers"
 aria-label="Search stickers"></form></header>
<main>{body}</main>
<footer>A demo site on your own machine. <a href="/words.txt">All words</a></footer>
</body></html>
"""
