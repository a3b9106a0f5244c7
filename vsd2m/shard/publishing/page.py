"""The statistics page: `_stats.json` as charts and tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vsd2m.pages.charts import bar_chart, column_chart, funnel_chart
from vsd2m.pages.contact_sheet import SheetPicture
from vsd2m.pages.numbers import bytes_text
from vsd2m.pages.render import render

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_FRAMES_DRAWN = 60
NUM_TRIGGER_WORDS = 25  # as in the paper's figure
NUM_CLOUD_WORDS = 80
_QUANTILES = {
    "num_frames_quantiles": "frames",
    "duration_ms_quantiles": "duration of a loop, ms",
    "width_quantiles": "width, pixels",
    "height_quantiles": "height, pixels",
    "num_bytes_quantiles": "file, bytes",
    "description_words_quantiles": "description, words",
    "ocr_num_characters_quantiles": "text in the picture, characters",
}


def statistics_page(stats: Mapping[str, Any], pictures: Sequence[SheetPicture]) -> str:
    """The HTML text. `stats` is the content of `_stats.json`."""
    return render(
        "statistics.html",
        title=stats["title"],
        description=stats["description"],
        tiles=_tiles(stats),
        funnel=funnel_chart(stats["funnel"], label="pictures that each stage kept, dropped and failed on"),
        reasons=[
            (f"{stage['stage']}: {reason}", f"{count:,}")
            for stage in stats["funnel"]
            for reason, count in stage["reasons"].items()
        ],
        pictures=pictures,
        words=_words(stats.get("frequent_words") or {}),
        charts=_charts(stats),
        quantiles=_quantiles(stats),
        splits=_splits(stats),
        shards=_shards(stats),
    )


def _tiles(stats: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Numbers and their labels."""
    tiles = [(f"{stats['num_stickers']:,}", "stickers"), (bytes_text(stats["num_bytes"]), "of original pictures")]
    if "num_frames" in stats:
        tiles.append((f"{sum(int(n) * count for n, count in stats['num_frames'].items()):,}", "frames"))
    if "trigger_words" in stats:
        tiles.append((f"{stats['trigger_words']['num_distinct']:,}", "trigger words"))
    return [*tiles, *((f"{split['num_stickers']:,}", f"in {split['split']}") for split in stats["splits"])]


def _words(counts: Mapping[str, int]) -> list[tuple[str, int, float]]:
    """The most frequent words in alphabetical order, their counts and sizes in `rem`."""
    top = dict(list(counts.items())[:NUM_CLOUD_WORDS])
    most = max(top.values(), default=1)
    return [(word, count, round(0.75 + 1.75 * (count / most) ** 0.7, 2)) for word, count in sorted(top.items())]


def _charts(stats: Mapping[str, Any]) -> list[tuple[str, "Markup"]]:
    """Headings and charts."""
    charts = []
    if stats.get("trigger_words", {}).get("top"):
        top = dict(list(stats["trigger_words"]["top"].items())[:NUM_TRIGGER_WORDS])
        heading = f"The {len(top)} most frequent trigger words"
        charts.append((heading, bar_chart(top, label=heading)))
    if stats.get("num_frames"):
        charts.append(("Frames", column_chart(_frame_bins(stats["num_frames"]), label="frames per sticker")))
    if stats.get("description_words"):
        bins = list(stats["description_words"].items())
        charts.append(("Length of the descriptions", column_chart(bins, label="words per description")))
    for name, heading in (("domains", "Domains"), ("formats", "Formats"), ("licences", "Licences stated")):
        if stats.get(name):
            charts.append((heading, bar_chart(dict(list(stats[name].items())[:12]), label=heading)))
    return charts


def _frame_bins(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts per number of frames up to `MAX_FRAMES_DRAWN`, and of all with more."""
    numbers = {int(number): count for number, count in counts.items()}
    last = min(max(numbers), MAX_FRAMES_DRAWN)
    bins = [(str(number), numbers.get(number, 0)) for number in range(1, last + 1)]
    more = sum(count for number, count in numbers.items() if number > last)
    return [*bins, (f">{last}", more)] if more else bins


def _quantiles(stats: Mapping[str, Any]) -> list[list[str]]:
    """Head and rows; empty if nothing was measured."""
    measured = {title: stats[name] for name, title in _QUANTILES.items() if stats.get(name)}
    heads = [["", *values] for values in measured.values()][:1]
    return [*heads, *([title, *(f"{value:,.0f}" for value in values.values())] for title, values in measured.items())]


def _splits(stats: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            split["split"],
            f"{split['num_stickers']:,}",
            f"{split['num_shards']:,}",
            bytes_text(split["num_bytes"]),
        )
        for split in stats["splits"]
    ]


def _shards(stats: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            shard["name"],
            f"{shard['num_stickers']:,}",
            bytes_text(shard["tar_num_bytes"]),
            shard["tar_sha256"][:16],
        )
        for shard in stats["shards"]
    ]
