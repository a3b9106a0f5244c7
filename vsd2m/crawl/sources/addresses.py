"""A table of addresses with descriptions, as for img2dataset: addresses are downloaded without a search."""

from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, ClassVar, cast

import fsspec
from pydantic import Field, field_validator

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.finds.statements import columns_of, statement_of, texts_in
from vsd2m.core.finds.tables import is_table, read_rows
from vsd2m.core.stage import neutral
from vsd2m.crawl.sources.base import Ask, FoundSticker, SearchResults, Source, SourceConfig


class AddressesConfig(SourceConfig):
    """Which table, and what its columns are."""

    source: str = "addresses"
    site: str = Field("", description="not used: addresses may be on any host")
    table: str = neutral(
        ..., min_length=1, description="CSV, TSV, JSON lines or Parquet on any fsspec address, a row a sticker"
    )
    header: bool | None = Field(
        None, description="whether a CSV or TSV begins with the names of its columns; null: unless it has an address"
    )
    columns: dict[str, str] = Field(
        {}, description="field -> column where the guess is wrong, such as {url: link, caption: sentence}"
    )

    @field_validator("site")
    @classmethod
    def _is_an_address(cls, site: str) -> str:
        if site:
            raise ValueError("a table of addresses has no site of its own")
        return site


class AddressesSource(Source[AddressesConfig]):
    """Reads the table. A row without an address is a sticker whose address cannot be asked for, and so a reject."""

    Config: ClassVar[type[SourceConfig]] = AddressesConfig
    lists_stickers: ClassVar[bool] = True

    def missing(self) -> list[str]:
        fs, path = fsspec.core.url_to_fs(self.config.table)
        return [] if fs.isfile(path) else [f"source.table: there is no file {self.config.table}"]

    def listed_stickers(self) -> Iterator[FoundSticker]:
        columns: Mapping[str, str] | None = None
        with _opened(self.config.table) as file:
            for row in read_rows(file, self.config.table, header=self.config.header):
                columns = columns or address_columns(row, self.config.columns, where=self.config.table)
                yield _sticker(row, columns)

    def first_request(self, word: str) -> Ask:
        raise ConfigError("source addresses lists its stickers, it searches for no words")

    def parse_search(self, page: Any) -> SearchResults:
        raise ConfigError("source addresses lists its stickers, it searches for no words")


def address_columns(row: Mapping[str, Any], mapping: Mapping[str, str], *, where: str) -> dict[str, str]:
    """Field -> column of a table, from its first row; `ConfigError` where no column has addresses.

    Without names of columns, the first that has an address is it, and the first of the others is the caption.
    """
    columns = columns_of(row, mapping, where=where)
    if "url" not in columns:
        with_address = [name for name, value in row.items() if str(value).startswith(("http://", "https://"))]
        if not with_address:
            raise ConfigError(
                f"{where}: no column has addresses; its columns are {', '.join(row)}; name it: columns: {{url: COLUMN}}"
            )
        columns["url"] = with_address[0]
    others = [name for name in row if name not in columns.values()]
    if others and "caption" not in columns and all(name.isdecimal() for name in row):
        columns["caption"] = others[0]
    return columns


def _sticker(row: Mapping[str, Any], columns: Mapping[str, str]) -> FoundSticker:
    statement = statement_of(row, columns)
    addresses: Sequence[str] = texts_in(row.get(columns["url"]))
    return FoundSticker(
        url=addresses[0] if addresses else "",
        page_url=statement.page_url,
        title=statement.title,
        tags=statement.tags,
        licence=statement.licence,
        author=statement.author,
        licence_url=statement.licence_url,
        attribution=statement.attribution,
        source_id=statement.source_id,
        words=statement.words,
        caption=statement.caption,
    )


def _opened(table: str) -> IO[bytes]:
    if not is_table(table):
        raise ConfigError(f"source.table: expected .csv, .tsv, .jsonl or .parquet, found {table}")
    try:
        return cast("IO[bytes]", fsspec.open(table, "rb").open())
    except OSError as error:
        raise StorageError(f"cannot read {table}: {error.strerror or error}") from error
