"""The columns of the crawl, a row per picture found on a page, and of the catalog, a row per sticker."""

import pyarrow as pa

from vsd2m.core.schema import Column

_TEXTS = pa.list_(pa.string())

CRAWL_COLUMNS = (
    Column("url", pa.string(), "where the original bytes came from"),
    Column("page_url", pa.string(), "the page the picture was found on"),
    Column("source", pa.string(), "registry name of the crawl source"),
    Column("trigger_word", pa.string(), "the word that was searched for"),
    Column("title", pa.string(), "title the page gives the picture"),
    Column("tags", _TEXTS, "tags the page gives the picture", published=False),
    Column("licence", pa.string(), "licence the page states; empty: it states none"),
    Column("author", pa.string(), "author the page states; empty: it states none"),
    Column("licence_url", pa.string(), "address of the licence; empty: the page gives none"),
    Column("attribution", pa.string(), "sentence that the author or the site asks for; empty: none"),
    Column("source_id", pa.string(), "the site's own id of the sticker; empty: it states none"),
    Column(
        "robots",
        pa.string(),
        "what the site and the picture said of its use, as JSON: robots.txt's verdict, statements about training",
        published=False,
    ),
    Column("media_tar", pa.string(), "tar with the original bytes, relative to the run", published=False),
    Column("media_offset", pa.int64(), "offset of the bytes in the tar", published=False),
    Column("num_bytes", pa.int64(), "size of the original file", in_json=True),
)

CATALOG_COLUMNS = (
    Column("urls", _TEXTS, "every address the identical bytes were found at", in_json=True),
    Column("page_urls", _TEXTS, "every page the identical bytes were found on", in_json=True),
    Column("trigger_words", _TEXTS, "every word the sticker was found under", in_json=True, in_samples=True),
    Column("titles", _TEXTS, "every title given", in_json=True),
    Column("licences", _TEXTS, "every licence stated", in_json=True),
    Column("authors", _TEXTS, "every author stated", in_json=True),
    Column("licence_urls", _TEXTS, "every address of a licence", in_json=True),
    Column("attributions", _TEXTS, "every sentence that an author or a site asks for", in_json=True),
    Column("source_ids", _TEXTS, "every id that a site gives the sticker", in_json=True),
    Column("sources", _TEXTS, "every crawl source", in_json=True),
)
