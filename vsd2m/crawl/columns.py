"""The columns of the crawl, a row per picture found on a page, and of the catalog, a row per sticker."""

from vsd2m.core.finds.columns import FIND_COLUMNS, TEXTS
from vsd2m.core.schema import Column

CRAWL_COLUMNS = FIND_COLUMNS

CATALOG_COLUMNS = (
    Column("urls", TEXTS, "every address the identical bytes were found at", in_json=True),
    Column("page_urls", TEXTS, "every page the identical bytes were found on", in_json=True),
    Column("trigger_words", TEXTS, "every word the sticker was found under", in_json=True, in_samples=True),
    Column("given_captions", TEXTS, "every caption that came with the sticker", in_json=True, in_samples=True),
    Column("titles", TEXTS, "every title given", in_json=True),
    Column("licences", TEXTS, "every licence stated", in_json=True),
    Column("authors", TEXTS, "every author stated", in_json=True),
    Column("licence_urls", TEXTS, "every address of a licence", in_json=True),
    Column("attributions", TEXTS, "every sentence that an author or a site asks for", in_json=True),
    Column("source_ids", TEXTS, "every id that a site gives the sticker", in_json=True),
    Column("sources", TEXTS, "every crawl source and ingest reader", in_json=True),
)
