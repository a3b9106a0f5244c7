"""The catalog: pictures found many times become one sticker with all its words, addresses and licences."""

from typing import ClassVar

import polars as pl
from pydantic import Field

from vsd2m.core.stage import StageConfig, StageSpec, TableResult, TableStage
from vsd2m.crawl.columns import CATALOG_COLUMNS

COLUMNS = CATALOG_COLUMNS
_GATHERED = {
    "urls": "url",
    "page_urls": "page_url",
    "given_captions": "given_caption",
    "titles": "title",
    "licences": "licence",
    "authors": "author",
    "licence_urls": "licence_url",
    "attributions": "attribution",
    "source_ids": "source_id",
    "sources": "source",
}
_OF_THE_FIRST = ("robots", "media_tar", "media_offset", "num_bytes")


class CatalogConfig(StageConfig):
    """Which licences may enter."""

    allowed_licences: tuple[str, ...] | None = Field(
        None, description="licences as pages state them, `` for none stated; null: all, and they are only recorded"
    )


class CatalogStage(TableStage[CatalogConfig]):
    """Merges identical bytes; all words and addresses stay.

    Of a sticker's finds one stays. The others are rejects: `found_again` where the same address came up for
    another word, `exact_duplicate` where another address has the same bytes.
    """

    Config: ClassVar[type[StageConfig]] = CatalogConfig

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="catalog",
            version=3,
            reads=(*_GATHERED.values(), "trigger_word", "given_words", "tags", *_OF_THE_FIRST),
            writes=("tags", *_OF_THE_FIRST),
            columns=COLUMNS,
        )

    def seconds_per_sticker(self) -> float:
        return 1e-5

    def process_table(self, table: pl.DataFrame) -> TableResult:
        allowed = self._is_allowed(table)
        rows = table.filter(allowed)
        merged = rows.group_by("key", maintain_order=True).agg(
            *(_texts(source, name) for name, source in _GATHERED.items()),
            _words(),
            pl.col("tags").explode().drop_nulls().unique().sort(),
            *(pl.col(name).first() for name in _OF_THE_FIRST),
        )
        stickers = merged.select("key", *self.spec.writes)
        return TableResult(stickers, pl.concat([_refused(table.filter(~allowed)), *_repeated(rows)]))

    def _is_allowed(self, table: pl.DataFrame) -> pl.Series:
        if self.config.allowed_licences is None:
            return pl.Series([True] * table.height, dtype=pl.Boolean)
        return table["licence"].fill_null("").is_in(list(self.config.allowed_licences))


def _texts(source: str, name: str) -> pl.Expr:
    """The distinct non-empty texts of a column, sorted."""
    column = pl.col(source)
    return column.filter(column.is_not_null() & (column != "")).unique().sort().alias(name)


def _words() -> pl.Expr:
    """The words that were searched for and those given, distinct and sorted."""
    words = pl.concat_list("trigger_word", pl.col("given_words").fill_null([])).explode()
    return words.filter(words.is_not_null() & (words != "")).unique().sort().alias("trigger_words")


def _repeated(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Repeated addresses, and other addresses of the same bytes. The smallest address is the sticker's."""
    is_address = pl.struct("key", "url").is_first_distinct()
    again = rows.filter(~is_address).with_columns(
        detail=pl.format("also for {}", pl.col("trigger_word").fill_null("no word"))
    )
    others = rows.filter(is_address).with_columns(detail=pl.col("url").min().over("key"))
    return [
        _rejects(again, "found_again"),
        _rejects(others.filter(pl.col("url") != pl.col("detail")), "exact_duplicate"),
    ]


def _refused(rows: pl.DataFrame) -> pl.DataFrame:
    return _rejects(rows.with_columns(detail=pl.col("licence")), "licence_not_allowed")


def _rejects(rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    return rows.select(
        "key",
        pl.lit(reason).alias("reason"),
        pl.lit(None, pl.Float64).alias("value"),
        pl.lit(None, pl.Float64).alias("limit"),
        "detail",
        "url",
    )
