"""The dataset card: `README.md` with the front matter that the Hugging Face hub reads."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

from vsd2m.core.schema import Schema
from vsd2m.shard.columns import json_columns

_TEXT = """\
# {title}

{description}

{num_stickers:,} stickers in {num_shards:,} shards. Figures: `_stats.json`.

| split | stickers | shards |
|---|---:|---:|
{splits}

## Loading

```python
import vsd2m

for sample in vsd2m.load("PATH_OF_THIS_FOLDER", split="train", num_frames=8, size=256):
    sample["clip"]  # uint8 [T, C, H, W]
    sample["caption"], sample["trigger_words"], sample["domain"]
```

The shards are plain WebDataset tars: `webdataset.WebDataset("vsd2m-train-{{000000..000000}}.tar")`,
`datasets.load_dataset("webdataset", data_files="vsd2m-train-*.tar")` and Megatron-Energon (`.nv-meta`) read them too.

## What is in a shard

Per sticker three members: `KEY.media`, the original bytes ({formats}); `KEY.txt`, the caption (without one the
description, then the trigger words); `KEY.json`, the columns that every sticker has. The Parquet file of the same
name holds all columns, with `tar_offset` and `num_bytes` of the media in the tar. `KEY` is the first 32 hex digits of
the sha256 of the original bytes. In the JSON an absent text is "" and an absent list [""]; in the Parquet it is null
or empty.

| column | type | what |
|---|---|---|
{columns}

## How it was made

| stage | read | kept | dropped | failed | reasons |
|---|---:|---:|---:|---:|---|
{funnel}

`description_source`, `caption_source` and `caption_zh_source` name what wrote each text.

## Splits

`vsd_r` (real) and `vsd_c` (cartoon) are for testing; no sticker of `train` is a near duplicate of one of theirs.

## Rights

The pictures belong to their authors. `urls`, `page_urls`, `licences` and `authors` say where each came from and what
the page stated. Stated licences, by number of stickers: {licences}.
"""


def dataset_card(
    stats: Mapping[str, Any],
    columns: Sequence[str],
    *,
    licence: str | None,
    caption_languages: Sequence[str],
    schema: Schema,
) -> str:
    """The card's text. `columns` are those of the Parquet files."""
    features = _features(columns, schema)
    front = yaml.safe_dump(
        _front_matter(stats, features, licence, caption_languages), sort_keys=False, allow_unicode=True
    )
    text = _TEXT.format(
        title=stats["title"],
        description=stats["description"],
        num_stickers=stats["num_stickers"],
        num_shards=len(stats["shards"]),
        formats=", ".join(stats.get("formats", {})) or "any format",
        splits=_rows((s["split"], f"{s['num_stickers']:,}", f"{s['num_shards']:,}") for s in stats["splits"]),
        columns=_rows((f"`{name}`", str(schema[name].type), schema[name].description) for name in columns),
        funnel=_rows(map(_funnel_row, stats["funnel"])),
        licences=", ".join(f"{name or 'none'} {count:,}" for name, count in stats.get("licences", {}).items())
        or "none",
    )
    return f"---\n{front}---\n\n{text}"


def _front_matter(
    stats: Mapping[str, Any], features: list[dict[str, str]], licence: str | None, languages: Sequence[str]
) -> dict[str, Any]:
    count = stats["num_stickers"]
    return {
        "pretty_name": stats["title"],
        "license": licence or "other",
        "language": list(languages),
        "task_categories": ["text-to-video", "text-to-image"],
        "tags": ["stickers", "animation", "webdataset"],
        "size_categories": [_size_category(count)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split["split"], "path": f"vsd2m-{split['split']}-*.tar"} for split in stats["splits"]
                ],
            }
        ],
        "dataset_info": {
            "features": [
                {"name": "media", "dtype": "binary"},
                {"name": "json", "struct": features},
                {"name": "txt", "dtype": "string"},
                {"name": "__key__", "dtype": "string"},
                {"name": "__url__", "dtype": "string"},
            ]
        },
    }


def _features(columns: Sequence[str], schema: Schema) -> list[dict[str, str]]:
    """The types of the JSON's fields, as the hub writes them."""
    features = [{"name": "key", "dtype": "string"}]
    for name in json_columns(columns, schema):
        kind = schema[name].type
        if pa.types.is_list(kind):
            features.append({"name": name, "list": str(kind.value_type)})
        else:
            features.append({"name": name, "dtype": str(kind)})
    return features


def _size_category(count: int) -> str:
    bounds = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
    return next((name for bound, name in bounds if count < bound), "1M<n<10M")


def _funnel_row(stage: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = (f"{stage[name]:,}" for name in ("num_read", "num_kept", "num_dropped", "num_failed"))
    return (stage["stage"], *numbers, ", ".join(f"{reason} {count:,}" for reason, count in stage["reasons"].items()))


def _rows(rows: Any) -> str:
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows)
