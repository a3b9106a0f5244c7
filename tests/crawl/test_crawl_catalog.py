import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.run import polars_type
from vsd2m.core.stage import TableResult
from vsd2m.crawl.catalog import CatalogConfig, CatalogStage
from vsd2m.crawl.columns import CATALOG_COLUMNS, CRAWL_COLUMNS

SCHEMA = {column.name: column for column in (*CRAWL_COLUMNS, *CATALOG_COLUMNS)}
READS = CatalogStage(CatalogConfig()).spec.reads


def _table(rows: list[dict]) -> pl.DataFrame:
    defaults = {
        "url": "http://a/1.gif",
        "page_url": "http://a/1",
        "source": "gallery",
        "licence_url": "",
        "attribution": "",
        "source_id": "",
        "trigger_word": "hi",
        "title": "",
        "tags": [],
        "licence": "",
        "author": "",
        "robots": "{}",
        "media_tar": "crawl/media-000000.tar",
        "media_offset": 512,
        "num_bytes": 10,
    }
    filled = [{"partition": 0, **defaults, **row} for row in rows]
    schema = {"key": pl.String(), "partition": pl.Int32(), **{name: polars_type(name, SCHEMA) for name in READS}}
    return pl.DataFrame(filled, schema=schema)


def _merge(rows: list[dict], **config: object) -> TableResult:
    return CatalogStage(CatalogConfig(**config)).process_table(_table(rows))


THREE = [
    {
        "key": "b",
        "url": "u2",
        "trigger_word": "yes",
        "title": "B",
        "tags": ["z", "a"],
        "media_offset": 5,
        "author": "Ann",
    },
    {"key": "a", "url": "u1", "trigger_word": "no"},
    {
        "key": "b",
        "url": "u0",
        "trigger_word": "hi",
        "title": "B",
        "tags": ["a", "m"],
        "media_offset": 9,
        "licence": "MIT",
    },
    {"key": "b", "url": "u2", "trigger_word": "maybe", "licence": "CC0-1.0"},
]


def test_finds_of_identical_bytes_become_one_sticker_with_all_that_was_said_of_it() -> None:
    merged = _merge(THREE).kept
    assert merged["key"].to_list() == ["b", "a"]
    sticker = merged.row(0, named=True)
    assert sticker["urls"] == ["u0", "u2"]
    assert sticker["trigger_words"] == ["hi", "maybe", "yes"]
    assert sticker["titles"] == ["B"]
    assert sticker["tags"] == ["a", "m", "z"]
    assert sticker["licences"] == ["CC0-1.0", "MIT"]
    assert sticker["authors"] == ["Ann"]
    assert sticker["media_offset"] == 5


def test_what_was_not_stated_is_an_empty_list() -> None:
    silent = _merge(THREE).kept.row(1, named=True)
    assert silent["licences"] == silent["titles"] == silent["tags"] == silent["authors"] == []


def test_of_the_addresses_of_identical_bytes_the_smallest_stays_and_its_further_words_are_no_duplicates() -> None:
    rejects = _merge(THREE).rejects.to_dicts()
    assert [(reject["reason"], reject["key"], reject["url"], reject["detail"]) for reject in rejects] == [
        ("found_again", "b", "u2", "also for maybe"),
        ("exact_duplicate", "b", "u2", "u0"),
    ]


def test_only_allowed_licences_enter_where_they_are_named() -> None:
    result = _merge(THREE, allowed_licences=["MIT"])
    assert result.kept["key"].to_list() == ["b"]
    assert result.kept["urls"].to_list() == [["u0"]]
    assert result.rejects["reason"].to_list() == ["licence_not_allowed"] * 3
    assert result.rejects["detail"].to_list() == ["", "", "CC0-1.0"]
    assert _merge(THREE, allowed_licences=["", "MIT"]).rejects.height == 2


def test_the_columns_have_the_types_of_the_contract_even_with_no_rows() -> None:
    stage = CatalogStage(CatalogConfig())
    for rows in ([], THREE):
        kept = stage.process_table(_table(rows)).kept
        assert kept.columns == ["key", *stage.spec.writes]
        assert {name: kept.schema[name] for name in stage.spec.writes} == {
            name: polars_type(name, SCHEMA) for name in stage.spec.writes
        }


_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("abc"),
            "url": st.sampled_from(["u1", "u2", "u3"]),
            "trigger_word": st.sampled_from(["x", "y"]),
            "tags": st.lists(st.sampled_from(["t", "s"])),
            "licence": st.sampled_from(["", "MIT"]),
        }
    ),
    max_size=12,
)


@given(_ROWS)
def test_no_row_is_lost_and_none_counted_twice(rows) -> None:
    for allowed in (None, ["MIT"], []):
        result = _merge(rows, allowed_licences=allowed)
        assert result.kept.height + result.rejects.height == len(rows)
        assert result.kept["key"].n_unique() == result.kept.height


@given(_ROWS, st.randoms(use_true_random=False))
def test_the_order_of_finds_changes_no_list_and_no_duplicate(rows, random) -> None:
    def lists(result: TableResult) -> list[dict]:
        return result.kept.select("key", "urls", "trigger_words", "tags", "licences").sort("key").to_dicts()

    def verdicts(result: TableResult) -> list[tuple]:
        return sorted(result.rejects.select("key", "url", "reason").rows())

    shuffled = random.sample(rows, len(rows))
    assert lists(_merge(shuffled)) == lists(_merge(rows))
    assert verdicts(_merge(shuffled)) == verdicts(_merge(rows))
