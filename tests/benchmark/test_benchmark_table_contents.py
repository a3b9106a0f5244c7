"""What a table, a curve and the leaderboard say: every cell, arrow, note and point, read back."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmark_builders import write_frames

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import REAL, Results, Skipped, read_results, write_results
from vsd2m.benchmark.suite.provenance import Origin
from vsd2m.benchmark.tables.curve_chart import HEIGHT, PER_ROW, curve_chart, metric_charts
from vsd2m.benchmark.tables.curves import Curve, curve_table, pgfplots
from vsd2m.benchmark.tables.leaderboard import leaderboard
from vsd2m.benchmark.tables.paper_tables import paper_tables, read_runs
from vsd2m.benchmark.tables.results_tables import as_markdown, common_columns, table_of
from vsd2m.benchmark.tables.side_by_side import MAX_STICKERS, Examples, common_prompts, side_by_side
from vsd2m.benchmark.tables.table import Column, Number, Row, Table, bounds, cell_text
from vsd2m.benchmark.tables.text_tables import RENDERERS
from vsd2m.core.errors import ConfigError
from vsd2m.core.generated_files import Cost
from vsd2m.core.storage import Store
from vsd2m.pages.previews import MAX_PAGE_BYTES
from vsd2m.pages.svg import WIDTH

NAN = float("nan")
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
NOTED = Table("A title", "model", (Column("a_1", "higher"),), (Row("one", ("x",)),), ("note 1", "note 2"))


def measured(metric: str, value: float, *, num_clips: int = 7, better="lower", **protocol) -> Score:
    """A score whose interval reaches 2 below its value and 3 above."""
    return Score(metric, value, value - 2, value + 3, num_clips, protocol or {"frames": "all"}, better)


def write_run(folder, scores, *, splits=("vsd_r",), costs=None, origins=None) -> str:
    config = BenchmarkConfig(generated={"mine": "x"}, shards="s", splits=splits, metrics=("fvd",))
    write_results(Results(scores, [], costs or {}, origins or {}), config, Store(str(folder)))
    return str(folder)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "-"),
        ("a text", "a text"),
        (Number(2.5), "2.5"),
        (Number(2.5, ".2f"), "2.50"),
        (Score("fvd", 12.34567, 1.0, 20.0, 7, {}, "lower"), "12.35 [1, 20] (n=7)"),
        (Score("fvd", NAN, NAN, NAN, 7, {}, "lower"), "too few clips (n=7)"),
        (Score("fvd", NAN, NAN, NAN, 0, {}, "lower"), "-"),
    ],
)
def test_a_cell_is_printed_by_what_it_holds(cell, text):
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    ("cell", "interval"),
    [
        (Number(2.5), (2.5, 2.5)),
        (Score("fvd", 2, 1, 4, 7, {}, "lower"), (1, 4)),
        (Score("fvd", 2, NAN, 4, 7, {}, "lower"), None),
        (Score("fvd", 2, 1, NAN, 7, {}, "lower"), None),
        (Score("fvd", 2, 1, 4, 0, {}, "lower"), None),
        ("2.5", None),
        (None, None),
    ],
)
def test_only_numbers_have_bounds(cell, interval):
    assert bounds(cell) == interval


def test_an_arrow_says_which_way_a_column_is_better_and_notes_what_was_skipped():
    scores = [measured("up", 1, better="higher"), measured("down", 2), measured("flat", 3, better="neither")]
    results = Results({REAL: scores[:1], "mine": scores}, [Skipped("fvd", "the file i3d.pt")])
    table = table_of(results)
    assert table.head == ("model", "up ↑", "down ↓", "flat")
    assert table.text_rows == (
        (REAL, "1 [-1, 4] (n=7)", "-", "-"),
        ("mine", "1 [-1, 4] (n=7)", "2 [0, 5] (n=7)", "3 [1, 6] (n=7)"),
    )
    assert [row.kind for row in table.rows] == ["real", "model"]
    assert as_markdown(results).splitlines()[-2:] == ["", "- skipped: `fvd` needs the file i3d.pt"]


def test_distances_of_different_numbers_of_clips_are_not_comparable_but_means_are():
    mean = [Score("blur", 1, 0, 2, number, {"frames": "all", "num_clips": number}, "lower") for number in (5, 9)]
    assert list(common_columns({"a": mean[:1], "b": mean[1:]})) == ["blur"]
    distance = [measured("fvd", 1, num_real=9, num_clips=number) for number in (5, 9)]
    scores = [Score(s.metric, s.value, s.low, s.high, s.num_clips, {**s.protocol, "num_clips": s.num_clips}, s.better)
              for s in distance]  # fmt: skip
    with pytest.raises(ConfigError, match=r"fvd of 'b' .* num_clips: 9 here, 5 in the column;"):
        common_columns({"a": scores[:1], "b": scores[1:]})
    unstated = Score("fvd", 1, 0, 2, 5, {"frames": "all", "num_real": 9}, "lower")
    with pytest.raises(
        ConfigError, match=r"num_clips: 'not stated' here, 5 in .*; frames: 'all' here, 'not stated' in"
    ):
        common_columns({"a": scores[:1], "b": [unstated]})


def test_titles_and_notes_are_printed_in_every_format_that_has_room_for_them():
    assert RENDERERS["markdown"](NOTED) == (
        "**A title**\n\n| model | a_1 ↑ |\n| --- | --- |\n| one | x |\n\n- note 1\n- note 2\n"
    )
    assert r"\caption{A title note 1 note 2}" in RENDERERS["latex"](NOTED)
    assert r"\begin{tabular}{lr}" in RENDERERS["latex"](NOTED)
    untitled = Table("", "model", NOTED.columns, NOTED.rows)
    assert RENDERERS["markdown"](untitled) == "| model | a_1 ↑ |\n| --- | --- |\n| one | x |\n"
    assert r"\caption{}" in RENDERERS["latex"](untitled)


def test_models_without_a_score_of_the_papers_have_no_row_in_its_tables(tmp_path):
    scores = {
        "mine": [measured("fvd", 9)],
        "other": [measured("flicker", 1)],
        "none": [measured("fvd", NAN, num_clips=0)],
    }
    apart, *_ = paper_tables(read_runs([write_run(tmp_path / "run", scores)]))
    assert [row.name for row in apart.rows if row.kind != "paper"] == ["mine"]
    assert "ours, VSD-R fvd: frames: all." in apart.notes
    assert not [note for note in apart.notes if "flicker" in note]


def test_a_test_set_is_read_from_the_runs_split_and_no_other_split_has_one(tmp_path):
    run = write_run(tmp_path / "c", {"mine": [measured("fvd", 9)]}, splits=("vsd_c",))
    assert [found.test for found in read_runs([run])] == ["VSD-C"]
    with pytest.raises(ConfigError, match="was measured on train; the paper's tables need vsd_r or vsd_c alone"):
        read_runs([write_run(tmp_path / "t", {"mine": [measured("fvd", 9)]}, splits=("train",))])


def test_costs_are_those_of_models_and_what_is_not_stated_is_a_dash(tmp_path):
    cost = Cost(seconds_per_sample=12.345678, num_parameters=1_234_567_890, device="CPU")
    bare = Cost(seconds_per_sample=2.0, peak_memory_bytes=3 * 2**29)
    run = write_run(tmp_path / "run", {}, costs={REAL: cost, "mine": cost, "bare": bare})
    table = paper_tables(read_runs([run]))[-1]
    assert [row for row in table.text_rows if "(paper)" not in row[0]] == [
        ("mine", "12.35", "1.235", "-", "CPU"),
        ("bare", "2", "-", "1.50", "not stated"),
    ]
    assert table.text_rows[0] == ("VideoGPT (paper)", "193.34", "0.102", "-", "V100")
    assert table.head[:2] == ("model", "seconds per sticker ↓")


def test_the_paper_is_quoted_with_as_many_digits_as_it_prints(tmp_path):
    apart, other, joint, _ = paper_tables(read_runs([write_run(tmp_path / "run", {"mine": [measured("fvd", 9)]})]))
    quoted = {row[0]: row[1:] for row in apart.text_rows}
    assert quoted["VideoFactory (paper)"] == ("0.480", "2638.97", "0.223", "0.495", "5611.73", "0.139")
    assert quoted["VideoGPT (paper)"] == ("0.189", "2645.02", "-", "0.287", "5887.49", "-")
    assert {row[0]: row[1:] for row in other.text_rows}["trained on SER30K (paper)"] == (
        "-", "-", "-", "0.372", "5813.47", "-",
    )  # fmt: skip
    assert len(joint.rows) == len(apart.rows) == 6 + 1


def checkpoints(values: dict[tuple[str | None, int], float], *, real: float = 5.0) -> Results:
    names = {(series, step): f"{series} at {step}" for series, step in values}
    scores = {names[key]: [measured("fvd", value)] for key, value in values.items()}
    origins = {names[series, step]: Origin(series=series, step=step) for series, step in values}
    return Results({REAL: [measured("fvd", real)], **scores}, [], {}, origins)


def test_intervals_of_pgfplots_reach_up_and_down_as_far_as_measured():
    text = pgfplots(checkpoints({("sti", 100): 10.0, ("sti", 200): 40.0}))
    assert "100 10 3 2\n200 40 3 2\n" in text
    assert "y error plus index=2, y error minus index=3" in text
    assert r"ylabel={fvd $\downarrow$}" in text


def test_a_training_without_a_name_is_called_as_its_model_is():
    table = curve_table(checkpoints({(None, 100): 10.0, ("sti", 50): 20.0}))
    assert [row[:2] for row in table.text_rows] == [("None at 100", "100"), ("sti", "50")]
    assert table.head == ("model", "steps", "fvd ↓")


def corners(path: ElementTree.Element) -> list[tuple[float, float]]:
    numbers = list(map(float, re.findall(r"-?[\d.]+", path.get("d"))))
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def lines(svg: str, style: str) -> list[list[tuple[float, float]]]:
    """The corners of every line with `style`, in pixels from the left and from above."""
    return [corners(path) for path in ElementTree.fromstring(svg).iter(f"{SVG}path") if style in path.get("style", "")]


def bands(svg: str) -> list[list[tuple[float, float]]]:
    """The corners of every half transparent area."""
    root = ElementTree.fromstring(svg)
    shapes = {path.get("id"): path for path in root.iter(f"{SVG}path")}
    uses = [use for use in root.iter(f"{SVG}use") if "fill-opacity: 0.15" in use.get("style", "")]
    return [
        [(x + float(use.get("x")), y + float(use.get("y"))) for x, y in corners(shapes[use.get(XLINK)[1:]])]
        for use in uses
    ]


def dots(svg: str) -> dict[str, float]:
    """The height of every point in pixels from above, by the start of its tip."""
    groups = [group for group in ElementTree.fromstring(svg).iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]
    return {
        group.find(f"{SVG}title").text.split(":")[0]: float(group.find(f".//{SVG}use").get("y")) for group in groups
    }


def line(metric: str, *values: float, series: str = "sti", real: float | None = 25.0) -> Curve:
    points = tuple((100 * (number + 1), measured(metric, value)) for number, value in enumerate(values))
    return Curve(metric, series, points, None if real is None else measured(metric, real))


def test_the_band_is_the_interval_and_the_dashed_line_what_real_stickers_score():
    svg = metric_charts([line("fvd", 10.0, 40.0)])[0]
    heights = dots(svg)
    low, high = heights["sti, 100 steps"], heights["sti, 200 steps"]
    unit = (low - high) / 30
    (band,) = bands(svg)
    assert max(y for _, y in band) == pytest.approx(low + 2 * unit, abs=0.1)
    assert min(y for _, y in band) == pytest.approx(high - 3 * unit, abs=0.1)
    (dashed,) = lines(svg, "stroke-dasharray: 6,4.8")
    assert [y for _, y in dashed] == pytest.approx([low - 15 * unit] * 2, abs=0.1)


def test_without_an_interval_there_is_no_band_and_without_a_real_score_no_dashed_line():
    points = tuple((step, Score("fvd", value, NAN, value, 7, {}, "lower")) for step, value in ((100, 1.0), (200, 2.0)))
    svg = metric_charts([Curve("fvd", "sti", points, None)])[0]
    (band,) = bands(svg)
    assert sorted({y for _, y in band}) == pytest.approx(sorted(dots(svg).values()), abs=0.1)
    assert lines(svg, "stroke-dasharray: 6,4.8") == []
    infinite = Curve("fvd", "sti", points, Score("fvd", NAN, NAN, NAN, 1, {}, "lower"))
    assert lines(metric_charts([infinite])[0], "stroke-dasharray: 6,4.8") == []


def test_steps_are_counted_in_whole_numbers_and_a_faint_line_marks_each_number_of_the_metric():
    points = tuple((step, measured("fvd", value)) for step, value in ((1, 10.0), (2, 40.0)))
    svg = metric_charts([Curve("fvd", "sti", points, None)])[0]
    texts = [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert [text for text in texts if re.fullmatch(r"[\d.]+", text)] == ["1", "2", "10", "20", "30", "40"]
    faint = lines(svg, "stroke: var(--line); stroke-width: 0.8; stroke-linecap: square")
    level = [corners for corners in faint if corners[0][1] == corners[-1][1]]
    assert len(level) == 4 and all(corners[0][0] < corners[-1][0] for corners in level)
    assert {round(y) for corners in level for _, y in corners} >= {round(y) for y in dots(svg).values()}


@pytest.mark.parametrize(("num_metrics", "columns", "num_rows"), [(1, 1, 1), (3, 3, 1), (4, 3, 2), (7, 3, 3)])
def test_panels_fill_rows_of_three_and_none_lies_on_another(num_metrics, columns, num_rows):
    svg = curve_chart([line(f"metric {number}", 10.0, 40.0) for number in range(num_metrics)])
    *_, width, height = map(float, ElementTree.fromstring(svg).get("viewBox").split())
    assert width == columns * WIDTH and num_rows * HEIGHT < height < num_rows * HEIGHT + 40
    cells = {(int(x // WIDTH), int(y // HEIGHT)) for x, y in (band[0] for band in bands(svg))}
    assert cells == {(number % PER_ROW, number // PER_ROW) for number in range(num_metrics)}


def test_trainings_have_their_colour_in_every_metric_and_the_legend_names_them():
    curves = [line(metric, 1.0, 2.0, series=series) for metric in ("fvd", "blur") for series in ("sti", "conv")]
    svg = curve_chart(curves)
    for number in range(2):
        assert len(lines(svg, f"stroke: var(--s{number}); stroke-width: 2;")) == 2
    texts = [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]
    assert [text for text in texts if text in ("sti", "conv", "real stickers")] == ["sti", "conv", "real stickers"]
    assert texts.count("training steps") == 2 and {"fvd ↓", "blur ↓"} <= set(texts)


def test_a_score_on_the_leaderboard_has_its_interval_and_sorts_by_its_value():
    rows = (
        Row("one", (Score("a", 3.14159, 2.5, 4.0, 9, {}, "higher"), Number(0.5))),
        Row("two", (Score("a", 3.14159, 2.5, NAN, 9, {}, "higher"), None)),
    )
    page = leaderboard([Table("", "model", (Column("a", "higher"), Column("b")), rows)], Examples((), ()))
    assert "<b>3.142</b><small>2.5 – 4 · n=9</small>" in page
    assert 'data-value="3.14159"' in page and 'data-value="0.5"' in page
    assert "<h2>All metrics</h2>" in page
    assert 'data-value="3.142 [2.5, nan] (n=9)"' in page and 'data-value="-"' in page


def test_neither_the_paper_nor_real_stickers_win_and_a_tie_has_no_winner():
    def stars(*rows: Row) -> int:
        return leaderboard([Table("t", "model", (Column("a", "higher"),), rows)], Examples((), ())).count(
            'class="best"'
        )

    one, two = (Row(name, (Score("a", 3, 2.5, 4, 9, {}, "higher"),)) for name in ("one", "two"))
    three = Row("three", (Score("a", 1, 0.5, 2.5, 9, {}, "higher"),))
    paper = Row("four", (Score("a", 1, 0.5, 2, 9, {}, "higher"),), "paper")
    assert stars(one, two) == 0
    assert stars(one, three) == 0  # the intervals touch
    assert stars(one, paper) == 0  # nobody to win against
    assert stars(one, Row("five", (Number(2.4),))) == 1


def test_prompts_that_most_models_have_come_first_and_all_models_fit_on_a_page(tmp_path):
    folders = {}
    for number in range(9):
        prompts = [*(f"prompt {number}-{i}" for i in range(60)), *(["most"] if number else []), "all"]
        folders[str(number)] = tmp_path / str(number)
        folders[str(number)].mkdir()
        rows = [{"file": f"{place}.gif", "prompt": prompt} for place, prompt in enumerate(prompts)]
        for row in rows:
            (folders[str(number)] / row["file"]).write_bytes(b"GIF89a")
        (folders[str(number)] / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert common_prompts(folders, count=3) == ["all", "most", "prompt 0-0"]
    assert len(common_prompts(folders, count=99)) == MAX_STICKERS // 10
    assert len(common_prompts({"a": folders["0"], "b": folders["1"]}, count=99)) == MAX_STICKERS // 3
    assert common_prompts({"gone": tmp_path / "nowhere"}, count=3) == []


def test_stickers_that_no_encoder_makes_small_share_the_room_of_the_page(tmp_path):
    chance = np.random.default_rng(0)
    for model in "abc":
        for number in range(15):
            write_frames(tmp_path / model / f"{number}.png", chance.integers(0, 256, (8, 70, 70, 3), np.uint8))
    examples = side_by_side({model: tmp_path / model for model in "abc"}, {}, count=15)
    previews = [preview for _, row in examples.rows for preview in row]
    assert len(previews) == 45
    assert sum(len(preview.moving) + len(preview.still) for preview in previews) <= MAX_PAGE_BYTES


def test_results_of_a_run_are_read_back_as_they_were_written(tmp_path):
    scores = {REAL: [measured("fvd", 5.0)], "mine": [measured("fvd", 9.0), measured("blur", 1.0)]}
    assert read_results(write_run(tmp_path / "run", scores)).scores == scores
