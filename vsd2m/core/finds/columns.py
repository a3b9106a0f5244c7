"""The columns of a find. A stage that writes them, one row per picture, can stand before the catalog."""

import pyarrow as pa

from vsd2m.core.schema import Column

TEXTS = pa.list_(pa.string())

FIND_COLUMNS = (
    Column("url", pa.string(), "where the original bytes came from"),
    Column("page_url", pa.string(), "the page the picture was found on"),
    Column("source", pa.string(), "registry name of the crawl source or the ingest reader"),
    Column("trigger_word", pa.string(), "the word that was searched for, or that a sticker of a set stands for"),
    Column("given_words", TEXTS, "words that a page or a table gives the picture", published=False),
    Column("given_caption", pa.string(), "caption that a page or a table gives the picture", published=False),
    Column("title", pa.string(), "title the page gives the picture"),
    Column("tags", TEXTS, "tags the page gives the picture", published=False),
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
