"""Which stickers are for testing, and which shard every sticker goes to.

VSD-R and VSD-C contain stickers of the most frequent trigger words of their domain (the paper takes the
top 500 of each). A person may choose them (`review`); without a review the choice depends on a hash of the key, so
that it is the same on every machine and independent of the order of the crawl. Stickers without a domain
stay in `train`. Near duplicates of a test sticker are dropped as `near_duplicate_of_test`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property

import polars as pl
import pyarrow as pa
from pydantic import Field

from vsd2m.core.errors import ConfigError
from vsd2m.core.schema import Column
from vsd2m.core.stage import StageConfig, StageSpec, TableResult, TableStage, neutral
from vsd2m.core.takedown import TakedownList

_NAMED_BY_TAKEDOWN = ("urls", "page_urls", "authors")
TRAIN = "train"
TEST_SPLITS = {"real": "vsd_r", "cartoon": "vsd_c"}
SPLITS = (TRAIN, *TEST_SPLITS.values())


COLUMNS = (
    Column("split", pa.string(), "train, vsd_r or vsd_c", in_json=True),
    Column("shard", pa.string(), "shard name without suffix", in_json=True),
    Column("shard_index", pa.int32(), "position in the shard", in_json=True),
)


class SplitConfig(StageConfig):
    """How test stickers are chosen and stickers are divided into shards."""

    num_words: int = Field(500, ge=0, description="most frequent trigger words of each domain that get test stickers")
    per_word: int = Field(1, ge=1, description="test stickers for each of these words, if no review is given")
    max_test_share: float = Field(0.2, ge=0, le=1, description="largest share of a domain's stickers that may be test")
    review: str | None = neutral(  # its content is part of the identity, as a model version
        None, description='JSON file with a person\'s choice, {"vsd_r": [key, ...], "vsd_c": [key, ...]}'
    )
    takedown: str | None = neutral(  # its content is part of the identity
        None, description="list of addresses, hosts, authors and keys (YAML or text) that get into no shard"
    )
    use_domains: bool = Field(
        True, description="take test stickers of each domain; false: without a domain stage, only a review names any"
    )
    use_duplicate_groups: bool = Field(True, description="keep near duplicates of test stickers out of train")
    stickers_per_shard: int = Field(1000, ge=1, description="stickers in a shard; the last of a split may have fewer")
    seed: int = Field(0, ge=0, description="seed of the choice and of the order in the shards")


class SplitStage(TableStage[SplitConfig]):
    """Assigns `split`, `shard` and `shard_index`."""

    Config = SplitConfig

    @property
    def spec(self) -> StageSpec:
        groups = ("duplicate_group",) if self.config.use_duplicate_groups else ()
        named = (name for group in self._takedown.columns_needed() for name in group if name in _NAMED_BY_TAKEDOWN)
        domains = ("domain",) if self.config.use_domains else ()
        reads = ("trigger_words", *domains, *groups, *named)
        return StageSpec("split", version=1, reads=reads, columns=COLUMNS)

    @cached_property
    def _takedown(self) -> TakedownList:
        return TakedownList() if self.config.takedown is None else TakedownList.read(self.config.takedown)

    def model_versions(self) -> dict[str, str]:
        """The digests of the review and of the takedown list: edited ones invalidate the stage."""
        review = self.config.review
        versions = {"review": hashlib.sha256(_read_file(review)).hexdigest()} if review else {}
        return versions | ({"takedown": self._takedown.digest()} if self._takedown else {})

    def process_table(self, table: pl.DataFrame) -> TableResult:
        table, taken_down = _without(self._takedown, table)
        if not self.config.use_duplicate_groups:
            table = table.with_columns(duplicate_group=pl.col("key"))
        if not self.config.use_domains:
            table = table.with_columns(domain=pl.lit(None, pl.String))
        table = table.select(
            "key", "trigger_words", "domain", group=pl.coalesce(pl.col("duplicate_group"), pl.col("key"))
        ).sort("key")
        test_splits = read_review(self.config.review) if self.config.review else choose_test(table, self.config)
        table = table.with_columns(
            split=pl.col("key").replace_strict(test_splits, default=TRAIN, return_dtype=pl.String)
        )
        kept_stickers, rejects = _remove_near_test(table)
        return TableResult(kept=plan_shards(kept_stickers, self.config), rejects=pl.concat([taken_down, rejects]))


def _without(takedown: TakedownList, table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the stickers that stay, rejects of those that the list names)."""
    columns = [name for name in ("key", *_NAMED_BY_TAKEDOWN) if name in table.columns]
    entries = [takedown.entry_for(row) for row in table.select(columns).iter_rows(named=True)]
    table = table.with_columns(entry=pl.Series(entries, dtype=pl.String))
    rejects = table.filter(pl.col("entry").is_not_null()).select(
        "key",
        reason=pl.lit("taken_down"),
        value=pl.lit(None, pl.Float64),
        limit=pl.lit(None, pl.Float64),
        detail="entry",
    )
    return table.filter(pl.col("entry").is_null()).drop("entry"), rejects


def choose_test(table: pl.DataFrame, config: SplitConfig) -> dict[str, str]:
    """Key -> test split, chosen automatically.

    `table` has key, trigger_words, domain and group. The words of a domain take turns, the most frequent first,
    so that a small set still covers many words; no two stickers of a near-duplicate group are chosen.
    """
    test_splits: dict[str, str] = {}
    groups: set[str] = set()
    for domain, split in TEST_SPLITS.items():
        stickers = table.filter(pl.col("domain") == domain)
        limit = int(config.max_test_share * stickers.height)
        candidates_by_word = _candidates(stickers, config)
        for _ in range(config.per_word):
            for candidates in candidates_by_word:
                pick = next(((key, group) for key, group in candidates if group not in groups), None)
                if pick is not None and limit > 0:
                    test_splits[pick[0]] = split
                    groups.add(pick[1])
                    limit -= 1
    return test_splits


def read_review(path: str) -> dict[str, str]:
    """Key -> test split as a person chose; `ConfigError` if the file is not such a review."""
    expected_form = '{"vsd_r": [key, ...], "vsd_c": [key, ...]}'
    try:
        review = json.loads(_read_file(path))
    except ValueError as error:
        raise ConfigError(f"review {path} is not JSON ({error}); it must be {expected_form}") from error
    if not isinstance(review, dict) or not set(review) <= set(TEST_SPLITS.values()):
        raise ConfigError(f"review {path} must be {expected_form}")
    test_splits: dict[str, str] = {}
    for split, keys in sorted(review.items()):
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ConfigError(f"review {path}: {split} must be a list of keys")
        for key in keys:
            if test_splits.setdefault(key, split) != split:
                raise ConfigError(f"review {path} puts {key} into both vsd_r and vsd_c; choose one")
    return test_splits


def plan_shards(table: pl.DataFrame, config: SplitConfig) -> pl.DataFrame:
    """key, split, shard, shard_index: each split is shuffled globally and divided into shards."""
    position = pl.int_range(pl.len()).over("split")
    number = (position // config.stickers_per_shard).cast(pl.String).str.zfill(6)
    return (
        table.select("key", "split", order=_hashes(table["key"], config.seed, "order"))
        .sort("split", "order")
        .with_columns(
            shard=pl.format("vsd2m-{}-{}", "split", number),
            shard_index=(position % config.stickers_per_shard).cast(pl.Int32),
        )
        .select("key", "split", "shard", "shard_index")
        .sort("key")
    )


def _candidates(stickers: pl.DataFrame, config: SplitConfig) -> list[Iterable[tuple[str, str]]]:
    """For each of the top words, most frequent first: an iterator over (key, group) in the order of choice."""
    rows_of_words = stickers.with_columns(order=_hashes(stickers["key"], config.seed, "choice")).explode(
        "trigger_words", keep_nulls=False, empty_as_null=False
    )
    top_words = rows_of_words.group_by("trigger_words").len().sort(["len", "trigger_words"], descending=[True, False])
    top_words = top_words.head(config.num_words)
    by_word: Mapping[tuple[object, ...], pl.DataFrame] = (
        rows_of_words.join(top_words.select("trigger_words"), on="trigger_words", how="semi")
        .sort("order")
        .select("trigger_words", "key", "group")
        .partition_by("trigger_words", as_dict=True)
    )
    return [iter(list(by_word[(word,)].select("key", "group").iter_rows())) for word in top_words["trigger_words"]]


def _remove_near_test(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(kept, rejects): train stickers that share a group with a test sticker are rejected."""
    test = table.filter(pl.col("split") != TRAIN).group_by("group").agg(detail=pl.col("key").min())
    near_stickers = table.filter(pl.col("split") == TRAIN).join(test, on="group", how="inner").sort("key")
    rejects = near_stickers.select(
        "key",
        reason=pl.lit("near_duplicate_of_test"),
        value=pl.lit(None, pl.Float64),
        limit=pl.lit(None, pl.Float64),
        detail=pl.format("of {}", "detail"),
    )
    return table.join(near_stickers, on="key", how="anti"), rejects


def _hashes(keys: pl.Series, seed: int, purpose: str) -> pl.Series:
    salt = f"{purpose}/{seed}/".encode()
    return pl.Series(
        "order", [hashlib.blake2b(salt + key.encode(), digest_size=16).hexdigest() for key in keys], pl.String
    )


def _read_file(path: str | None) -> bytes:
    try:
        with open(path or "", "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(
            f"cannot read review {path}: {error.strerror}; give the file that the review page saved"
        ) from error
