"""Every column of the data contract, typed and versioned. Parquet schemas and the docs are derived from here.

`None` means "not asked"; an empty text or list means "asked, nothing there".
"""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Column:
    """A column's name, type, and the stage that first writes it."""

    name: str
    type: pa.DataType
    stage: str
    description: str


_STRINGS = pa.list_(pa.string())

_ALL = [
    # crawl: one row per picture found on a page
    Column("url", pa.string(), "crawl", "where the original bytes came from"),
    Column("page_url", pa.string(), "crawl", "the page the picture was found on"),
    Column("source", pa.string(), "crawl", "registry name of the crawl source"),
    Column("trigger_word", pa.string(), "crawl", "the word that was searched for"),
    Column("title", pa.string(), "crawl", "title the page gives the picture"),
    Column("tags", _STRINGS, "crawl", "tags the page gives the picture"),
    Column("licence", pa.string(), "crawl", "licence the page states; empty: it states none"),
    Column("author", pa.string(), "crawl", "author the page states; empty: it states none"),
    Column(
        "robots", pa.string(), "crawl", "robots facts at download time: robots.txt verdict, X-Robots-Tag, TDM headers"
    ),
    Column("media_tar", pa.string(), "crawl", "tar with the original bytes, relative to the run"),
    Column("media_offset", pa.int64(), "crawl", "offset of the bytes in the tar"),
    Column("num_bytes", pa.int64(), "crawl", "size of the original file"),
    # catalog: one row per sticker
    Column("urls", _STRINGS, "catalog", "every address the identical bytes were found at"),
    Column("page_urls", _STRINGS, "catalog", "every page the identical bytes were found on"),
    Column("trigger_words", _STRINGS, "catalog", "every word the sticker was found under"),
    Column("titles", _STRINGS, "catalog", "every title given"),
    Column("licences", _STRINGS, "catalog", "every licence stated"),
    Column("authors", _STRINGS, "catalog", "every author stated"),
    Column("sources", _STRINGS, "catalog", "every crawl source"),
    # probe
    Column("media_format", pa.string(), "probe", "gif, apng, png, webp, jpeg, tgs or lottie, by content"),
    Column("width", pa.int32(), "probe", "pixels"),
    Column("height", pa.int32(), "probe", "pixels"),
    Column("num_frames", pa.int32(), "probe", "frames stored"),
    Column("num_distinct_frames", pa.int32(), "probe", "frames with distinct pixels"),
    Column("durations_ms", pa.list_(pa.int32()), "probe", "frame durations as stored"),
    Column("duration_ms", pa.int64(), "probe", "one loop as browsers play it"),
    Column("loop_count", pa.int32(), "probe", "times it plays; 0: for ever"),
    Column("aspect_ratio", pa.float64(), "probe", "longer side / shorter side, >= 1"),
    Column("entropy", pa.float64(), "probe", "Shannon entropy of the visible grey levels, bits, mean over frames"),
    Column("transparent_share", pa.float64(), "probe", "share of pixels with alpha < 128, mean over frames"),
    Column("motion_energy", pa.float64(), "probe", "mean absolute change between successive frames, 0..1"),
    Column("sharpness", pa.float64(), "probe", "variance of the Laplacian of the luma on white, mean of 4 frames"),
    Column(
        "fingerprint", pa.list_(pa.uint64()), "probe", "hashes of frames and a small picture: see media/fingerprint.py"
    ),
    # near duplicates
    Column("duplicate_group", pa.string(), "near_duplicates", "key of the group's winner"),
    Column("duplicate_group_size", pa.int32(), "near_duplicates", "stickers in the group, the winner included"),
    # annotate
    Column("ocr_text", pa.string(), "ocr", "recognised lines joined by a newline"),
    Column("ocr_num_characters", pa.int32(), "ocr", "characters recognised, white space not counted"),
    Column("ocr_score", pa.float64(), "ocr", "mean line score; None where there is no line"),
    Column("domain", pa.string(), "domain", "real or cartoon"),
    Column("domain_score", pa.float64(), "domain", "probability of `real`"),
    Column("unsafe_score", pa.float64(), "unsafe", "probability of a picture unsafe to show; None: not asked"),
    Column("watermark_score", pa.float64(), "watermark", "probability of a watermark; None: not asked"),
    Column("description", pa.string(), "describe", "static and dynamic features in words"),
    Column("description_source", pa.string(), "describe", "what wrote the description: a model's name, or `measured`"),
    Column("caption", pa.string(), "caption", "English summary"),
    Column("caption_source", pa.string(), "caption", "model that wrote the caption"),
    Column("caption_zh", pa.string(), "caption", "Chinese summary; None: not asked or not to be had"),
    Column("caption_zh_source", pa.string(), "caption", "model that wrote it, or `absent: REASON`"),
    # split and shard
    Column("split", pa.string(), "split", "train, vsd_r or vsd_c"),
    Column("shard", pa.string(), "split", "shard name without suffix"),
    Column("shard_index", pa.int32(), "split", "position in the shard"),
    Column("tar_offset", pa.int64(), "shard", "offset of the media bytes in the shard's tar"),
]

COLUMNS: dict[str, Column] = {column.name: column for column in _ALL}

KEY = pa.field("key", pa.string(), nullable=False)
INPUT_DIGEST = pa.field("input_digest", pa.binary(8), nullable=False)

MEDIA_COLUMNS = ("media_tar", "media_offset", "num_bytes")

REJECTS = pa.schema(
    [
        pa.field("key", pa.string()),  # None where no bytes were had (a dead link)
        pa.field("outcome", pa.string(), nullable=False),  # dropped | failed
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("limit", pa.float64()),
        pa.field("detail", pa.string()),
        pa.field("url", pa.string()),
        pa.field("version", pa.int32(), nullable=False),
        INPUT_DIGEST,
    ]
)


def columns_schema(names: tuple[str, ...]) -> pa.Schema:
    """The Parquet schema of a stage's output: `key`, the named columns, and the digest of what each row was made of."""
    fields = [pa.field(name, COLUMNS[name].type) for name in names]
    return pa.schema([KEY, *fields, INPUT_DIGEST], metadata={"vsd2m_schema": str(SCHEMA_VERSION)})
