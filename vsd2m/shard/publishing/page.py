"""The statistics page: one HTML file without scripts or links to elsewhere, for light and dark screens."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from vsd2m.media.media_types import MEDIA_TYPES
from vsd2m.pages.charts import bar_chart, funnel_chart, histogram, word_cloud

MAX_FRAMES_SHOWN = 60
NUM_TRIGGER_WORDS = 25  # as in the paper's figure
NUM_CLOUD_WORDS = 80


@dataclass(frozen=True)
class Picture:
    """One sticker of the contact sheet."""

    media: bytes
    media_format: str
    caption: str
    tags: Sequence[str]


def statistics_page(stats: Mapping[str, Any], pictures: Sequence[Picture]) -> str:
    """The HTML text. `stats` is what `_stats.json` holds."""
    sections = [
        _section("What became of every picture", _funnel(stats["funnel"]), wide=True),
        _section("A sample, moving", _sheet(pictures), wide=True) if pictures else "",
        *_charts(stats),
        _section("Sizes", _quantiles(stats), wide=True),
        _section("Splits and shards", _shards(stats), wide=True),
    ]
    template = Template(files("vsd2m.shard.publishing").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(stats["title"]),
        description=escape(stats["description"]),
        tiles=_tiles(stats),
        sections="\n".join(filter(None, sections)),
    )


def _section(title: str, content: str, *, wide: bool = False) -> str:
    return f"<section{' class=wide' if wide else ''}><h2>{escape(title)}</h2>{content}</section>" if content else ""


def _tiles(stats: Mapping[str, Any]) -> str:
    tiles = [(f"{stats['num_stickers']:,}", "stickers"), (_bytes(stats["num_bytes"]), "of original pictures")]
    if "num_frames" in stats:
        tiles.append((f"{sum(int(n) * count for n, count in stats['num_frames'].items()):,}", "frames"))
    if "trigger_words" in stats:
        tiles.append((f"{stats['trigger_words']['num_distinct']:,}", "trigger words"))
    tiles += [(f"{split['num_stickers']:,}", f"in {split['split']}") for split in stats["splits"]]
    return "".join(f'<div class="tile"><b>{number}</b><span class="soft">{text}</span></div>' for number, text in tiles)


def _funnel(funnel: Sequence[Mapping[str, Any]]) -> str:
    reasons = "".join(
        f"<tr><td>{escape(stage['stage'])}</td><td>{escape(reason)}</td><td>{count:,}</td></tr>"
        for stage in funnel
        for reason, count in stage["reasons"].items()
    )
    table = f"<table><tr><th>stage</th><th>reason</th><th>pictures</th></tr>{reasons}</table>" if reasons else ""
    return (
        '<p class="soft">Per stage: how many it kept, and −how many it dropped or failed on.</p>'
        + f'<div class="scroll funnel">{funnel_chart(funnel)}</div>'
        + (f'<details open><summary>Reasons</summary><div class="scroll">{table}</div></details>' if table else "")
    )


def _sheet(pictures: Sequence[Picture]) -> str:
    return f'<div class="sheet">{"".join(map(_figure, pictures))}</div>'


def _figure(picture: Picture) -> str:
    source = f"data:{MEDIA_TYPES[picture.media_format].mime};base64,{base64.b64encode(picture.media).decode()}"
    tags = " ".join(f'<span class="tag">{escape(tag)}</span>' for tag in picture.tags)
    caption = escape(picture.caption)
    return f'<figure><div><img src="{source}" alt="{caption}"></div><figcaption>{caption} {tags}</figcaption></figure>'


def _charts(stats: Mapping[str, Any]) -> list[str]:
    charts = []
    if stats.get("trigger_words", {}).get("top"):
        top = dict(list(stats["trigger_words"]["top"].items())[:NUM_TRIGGER_WORDS])
        charts.append(_section(f"The {len(top)} most frequent trigger words", bar_chart(top)))
    if stats.get("frequent_words"):
        words = dict(list(stats["frequent_words"].items())[:NUM_CLOUD_WORDS])
        charts.append(_section("Words of the descriptions", word_cloud(words)))
    if stats.get("num_frames"):
        charts.append(_section("Frames", histogram(_frame_bins(stats["num_frames"]), title="frames per sticker")))
    if stats.get("description_words"):
        bins = list(stats["description_words"].items())
        charts.append(_section("Length of the descriptions", histogram(bins, title="words per description")))
    for name, title in (("domains", "Domains"), ("formats", "Formats"), ("licences", "Licences stated")):
        if stats.get(name):
            charts.append(_section(title, bar_chart(dict(list(stats[name].items())[:12]))))
    return charts


def _frame_bins(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Every number of frames up to `MAX_FRAMES_SHOWN`, and all that have more together."""
    numbers = {int(number): count for number, count in counts.items()}
    last = min(max(numbers), MAX_FRAMES_SHOWN)
    bins = [(str(number), numbers.get(number, 0)) for number in range(1, last + 1)]
    more = sum(count for number, count in numbers.items() if number > last)
    return [*bins, (f">{last}", more)] if more else bins


def _quantiles(stats: Mapping[str, Any]) -> str:
    names = {
        "num_frames_quantiles": "frames",
        "duration_ms_quantiles": "duration of a loop, ms",
        "width_quantiles": "width, pixels",
        "height_quantiles": "height, pixels",
        "num_bytes_quantiles": "file, bytes",
        "description_words_quantiles": "description, words",
        "ocr_num_characters_quantiles": "text in the picture, characters",
    }
    rows = [(title, stats[name]) for name, title in names.items() if stats.get(name)]
    head = "".join(f"<th>{name}</th>" for name in ("", *(rows[0][1] if rows else ())))
    body = "".join(
        f"<tr><td>{title}</td>{''.join(f'<td>{value:,.0f}</td>' for value in values.values())}</tr>"
        for title, values in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>' if rows else ""


def _shards(stats: Mapping[str, Any]) -> str:
    splits = "".join(
        f"<tr><td>{split['split']}</td><td>{split['num_stickers']:,}</td><td>{split['num_shards']:,}</td>"
        f"<td>{_bytes(split['num_bytes'])}</td></tr>"
        for split in stats["splits"]
    )
    shards = "".join(
        f"<tr><td>{shard['name']}</td><td>{shard['num_stickers']:,}</td><td>{_bytes(shard['tar_num_bytes'])}</td>"
        f"<td><code>{shard['tar_sha256'][:16]}</code></td></tr>"
        for shard in stats["shards"]
    )
    return (
        '<div class="scroll"><table><tr><th>split</th><th>stickers</th><th>shards</th><th>pictures</th></tr>'
        f"{splits}</table></div><details><summary>{len(stats['shards'])} shards</summary>"
        '<div class="scroll"><table><tr><th>shard</th><th>stickers</th><th>tar</th><th>sha256</th></tr>'
        f"{shards}</table></div></details>"
    )


def _bytes(number: int) -> str:
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
