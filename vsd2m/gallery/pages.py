"""The gallery's pages, as HTML."""

import json
from collections.abc import Sequence
from html import escape
from urllib.parse import quote, urlencode

from vsd2m.gallery.library import Library, Picture

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
    words = "".join(
        f'<li><a href="{search_link(word)}">{escape(word)} <small>{count}</small></a></li>'
        for word, count in library.words[:NUM_POPULAR_WORDS]
    )
    step = max(1, len(library.pictures) // NUM_FEATURED)
    shown = [picture for picture in library.pictures[::step] if picture.planted is None][:NUM_FEATURED]
    heading = f"<h1>{len(library.pictures)} stickers, {len(library.words)} words</h1>"
    return _page("Sticker gallery", f'{heading}<ul class="words">{words}</ul>{_grid(shown)}')


def search_page(library: Library, query: str, page: int) -> str | None:
    """One page of results, or None where there is no such page."""
    found = library.search(query)
    num_pages = max(1, -(-len(found) // PAGE_SIZE))
    if not 1 <= page <= num_pages:
        return None
    shown = found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    body = f"<h1>{len(found)} stickers for “{escape(query)}”</h1>{_grid(shown)}"
    return _page(f"{query} - stickers", body + _pagination(query, page, num_pages), query=query)


def sticker_page(picture: Picture, base_url: str) -> str:
    """One sticker with everything known of it, for people, in Open Graph and in JSON-LD."""
    words = "".join(
        f'<li><a rel="tag" class="word" href="{search_link(word)}">{escape(word)}</a></li>'
        for word in picture.trigger_words
    )
    tags = "".join(
        f'<li><a rel="tag" class="tag" href="{search_link(tag)}">{escape(tag)}</a></li>' for tag in picture.tags
    )
    image = f'<img id="sticker" src="{media_link(picture)}" alt="{escape(picture.title)}">'
    body = f"""<article class="sticker"><figure>{image}</figure><div><h1>{escape(picture.title)}</h1><dl>
<dt>Words</dt><dd><ul class="words">{words}</ul></dd>
<dt>Tags</dt><dd><ul class="words">{tags}</ul></dd>
<dt>Author</dt><dd>{_author(picture)}</dd>
<dt>Licence</dt><dd>{_licence(picture)}</dd>
</dl></div></article>"""
    return _page(picture.title, body, head=_open_graph(picture, base_url) + _json_ld(picture, base_url))


def licence_page(name: str) -> str:
    """What the site says about a licence that has no well-known address."""
    return _page(name, f"<h1>{escape(name)}</h1><p>The licence that the author states for these stickers.</p>")


def not_found_page() -> str:
    """What stands behind every address that leads nowhere."""
    return _page("Not found", "<h1>Not found</h1><p>There is no such page here.</p>")


def search_link(word: str, page: int = 1) -> str:
    """The address of a page of results, escaped for an attribute."""
    arguments = {"q": word} if page == 1 else {"q": word, "page": str(page)}
    return escape(f"/search?{urlencode(arguments)}")


def sticker_link(picture: Picture) -> str:
    """The address of a sticker's page."""
    return f"/sticker/{quote(picture.name)}"


def media_link(picture: Picture) -> str:
    """Where the page says the picture is: what is planted decides the folder."""
    folder = {"robots_disallowed": "private", "redirect": "go", "offsite_redirect": "go"}
    return f"/{folder.get(picture.planted or '', 'media')}/{quote(picture.name)}"


def _grid(pictures: Sequence[Picture]) -> str:
    cells = "".join(
        f'<li><a class="sticker-link" href="{sticker_link(picture)}">'
        f'<img loading="lazy" src="{media_link(picture)}" alt=""><span>{escape(picture.title)}</span></a></li>'
        for picture in pictures
    )
    return f'<ul class="stickers">{cells}</ul>'


def _pagination(query: str, page: int, num_pages: int) -> str:
    before = f'<a rel="prev" href="{search_link(query, page - 1)}">← previous</a>' if page > 1 else ""
    after = f'<a rel="next" href="{search_link(query, page + 1)}">next →</a>' if page < num_pages else ""
    return f'<nav class="pages">{before}<span>page {page} of {num_pages}</span>{after}</nav>'


def _author(picture: Picture) -> str:
    return f'<span class="author">{escape(picture.author)}</span>' if picture.author else "not stated"


def _licence(picture: Picture) -> str:
    if not picture.licence:
        return "not stated"
    return f'<a rel="license" href="{escape(_licence_link(picture.licence))}">{escape(picture.licence)}</a>'


def _licence_link(licence: str) -> str:
    known = _LICENCE_LINKS.get(licence.casefold().replace(" ", "-"))
    return known or f"/licence?{urlencode({'name': licence})}"


def _open_graph(picture: Picture, base_url: str) -> str:
    properties = {
        "og:type": "article",
        "og:title": picture.title,
        "og:url": base_url + sticker_link(picture),
        "og:image": base_url + media_link(picture),
    }
    return "".join(f'<meta property="{name}" content="{escape(text)}">' for name, text in properties.items())


def _json_ld(picture: Picture, base_url: str) -> str:
    described = {
        "@context": "https://schema.org",
        "@type": "ImageObject",
        "name": picture.title,
        "contentUrl": base_url + media_link(picture),
        "keywords": [*picture.trigger_words, *picture.tags],
        **({"license": _licence_link(picture.licence)} if picture.licence else {}),
        **({"creator": {"@type": "Person", "name": picture.author}} if picture.author else {}),
    }
    # "<" may not stand in a script element: the text could close it
    text = json.dumps(described, ensure_ascii=False).replace("<", "\\u003c")
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
<footer>A sample site on your own machine. <a href="/words.txt">All words</a></footer>
</body></html>
"""
