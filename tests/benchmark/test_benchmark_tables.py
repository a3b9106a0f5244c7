"""Tables: the paper's rows beside ours, in every format."""

import base64
import csv
import io
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmark_builders import write_outputs, write_shards, write_video

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import REAL, Results, output_folders, read_lines, read_results, write_results
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.suite.provenance import Origin
from vsd2m.benchmark.suite.real_clips import list_split
from vsd2m.benchmark.tables.curve_chart import curve_chart
from vsd2m.benchmark.tables.curves import curve_table, curves, pgfplots
from vsd2m.benchmark.tables.leaderboard import leaderboard
from vsd2m.benchmark.tables.paper_tables import paper_tables, read_runs
from vsd2m.benchmark.tables.published import PUBLISHED_COSTS, PUBLISHED_SCORES
from vsd2m.benchmark.tables.results_tables import as_csv
from vsd2m.benchmark.tables.side_by_side import Examples, common_prompts, real_stickers, side_by_side
from vsd2m.benchmark.tables.table import Column, Number, Row, Table
from vsd2m.benchmark.tables.text_tables import RENDERERS
from vsd2m.core.errors import ConfigError
from vsd2m.core.generated_files import Cost, read_cost
from vsd2m.core.storage import Store
from vsd2m.media.decode import decode

AWKWARD = Table("Ti|tle", "a_b", (Column("c"),), (Row("1 & 2", ("50 %",)), Row('say "x", y', ("p|q",))), ("a note_",))


def score(metric: str, value: float, **protocol) -> Score:
    return Score(metric, value, value - 1, value + 1, 7, protocol or {"frames": "all"}, "lower")


def write_run(folder, splits, scores, training=None, costs=None, generated=None, shards="s"):
    """A benchmark run's folder as the runner leaves it."""
    generated = generated or {"mine": "x"}
    config = BenchmarkConfig(generated=generated, shards=shards, splits=splits, training=training, metrics=("fvd",))
    origins = {name: Origin(outputs=path) for name, path in generated.items()}
    write_results(Results(scores, [], costs or {}, origins), config, Store(str(folder)))
    return str(folder)


def column(table: Table, name: str) -> dict[str, str]:
    index = table.head.index(name)
    return {row[0]: row[index] for row in table.text_rows}


def test_the_published_figures_hold_together():
    """Every model once per training and test set; in every setting the paper's own model has the best FVD and VQA."""
    keys = [(row.model, row.training, row.test) for row in PUBLISHED_SCORES]
    assert len(set(keys)) == len(keys) == 26
    for training in ("apart", "joint"):
        for test in ("VSD-R", "VSD-C"):
            rows = [row for row in PUBLISHED_SCORES if (row.training, row.test) == (training, test)]
            assert {row.model for row in rows} == {cost.model for cost in PUBLISHED_COSTS}
            assert min(rows, key=lambda row: row.fvd).model == "STI"
            assert max(rows, key=lambda row: row.video_quality).model == "STI"


@pytest.mark.parametrize(
    ("training", "test", "sums"),
    [
        ("apart", "VSD-R", (2.548, 15812.34, 1.464)),
        ("apart", "VSD-C", (2.621, 34252.72, 0.813)),
        ("joint", "VSD-R", (2.651, 15736.61, 1.414)),
        ("joint", "VSD-C", (2.781, 34219.54, 0.896)),
        ("tgif", "VSD-R", (0.394, 3310.25, 0)),
        ("ser30k", "VSD-C", (0.372, 5813.47, 0)),
    ],
)
def test_no_published_figure_changes_unnoticed(training, test, sums):
    rows = [row.by_metric for row in PUBLISHED_SCORES if (row.training, row.test) == (training, test)]
    columns = zip(*(row.values() for row in rows), strict=True)
    assert [sum(value or 0 for value in column) for column in columns] == pytest.approx(sums, abs=1e-6)
    assert sum(cost.seconds for cost in PUBLISHED_COSTS) == pytest.approx(253.02)
    assert sum(cost.parameters_billions for cost in PUBLISHED_COSTS) == pytest.approx(9.964)


def test_ours_stands_beside_the_published_rows_in_the_table_of_its_training(tmp_path):
    ours = {REAL: [score("fvd", 11.0)], "mine": [score("fvd", 1234.0)]}
    joint = write_run(tmp_path / "r", ("vsd_r",), ours, "joint")
    unstated = write_run(tmp_path / "c", ("vsd_c",), {"mine": [score("fvd", 99.0)]})
    apart, elsewhere, both, cost = paper_tables(read_runs([joint, unstated]))
    assert column(both, "VSD-R FVD ↓")["mine"].startswith("1234 [")
    assert column(both, "VSD-R FVD ↓")["STI (paper)"] == "2550.11"
    assert column(both, "VSD-R CLIP ↑")["VideoGPT (paper)"] == "-"
    assert column(apart, "VSD-R FVD ↓")["mine"] == "-"
    assert column(apart, "VSD-C FVD ↓")["mine"].startswith("99 [")
    assert (apart.title[:7], elsewhere.title[:7], both.title[:7]) == ("Table 4", "Table 5", "Table 7")
    theirs = [row.text for row in elsewhere.rows if row.kind == "paper"]
    assert theirs == ["trained on TGIF (paper)", "trained on SER30K (paper)"]
    assert column(elsewhere, "VSD-R FVD ↓")["trained on TGIF (paper)"] == "3310.25"
    assert "trained on TGIF (paper)" not in column(apart, "VSD-R FVD ↓") | column(both, "VSD-R FVD ↓")
    assert column(cost, "seconds per sticker ↓")["STI (paper)"] == "11.71"


def test_the_cost_of_a_model_comes_from_beside_its_outputs(tmp_path):
    values = {"seconds_per_sample": 0.25, "num_parameters": 1_855_940_000, "peak_memory_bytes": 2**32, "device": "X"}
    (tmp_path / "cost.json").write_text(json.dumps(values))
    costs = {"mine": read_cost(tmp_path)}
    assert costs["mine"] == Cost(**values)
    run = write_run(tmp_path / "r", ("vsd_r",), {}, costs=costs)
    rows = {row[0]: row[1:] for row in paper_tables(read_runs([run]))[-1].text_rows}
    assert rows["mine"] == ("0.25", "1.856", "4.00", "X")
    (tmp_path / "cost.json").write_text('{"seconds_per_sample": -1, "num_parameters": 1, "device": "X"}')
    with pytest.raises(ConfigError, match=r"cost.json: seconds_per_sample: Input should be greater than 0"):
        read_cost(tmp_path)


def test_a_run_over_both_test_sets_has_no_place_in_the_papers_tables(tmp_path):
    with pytest.raises(ConfigError, match=r"vsd_r \+ vsd_c; .*once on the suite vsd-r"):
        read_runs([write_run(tmp_path, ("vsd_r", "vsd_c"), {"mine": [score("fvd", 1.0)]})])


def test_the_papers_tables_refuse_two_protocols_in_one_column(tmp_path):
    one = write_run(tmp_path / "1", ("vsd_r",), {"a": [score("fvd", 1.0, frames="loop16")]})
    two = write_run(tmp_path / "2", ("vsd_r",), {"b": [score("fvd", 2.0, frames="repeat16")]})
    with pytest.raises(ConfigError, match="fvd of 'b' .* frames: 'repeat16' here, 'loop16' in the column; such"):
        paper_tables(read_runs([one, two]))


def test_csv_reads_back():
    rows = list(csv.reader(io.StringIO(RENDERERS["csv"](AWKWARD))))
    assert rows == [["table", *AWKWARD.head], *([AWKWARD.title, *row] for row in AWKWARD.text_rows)]


def test_the_csv_of_results_reads_back_whatever_a_model_is_called():
    names = ['the "best", ours', "plain", "tab\\t, 贴纸"]
    results = Results({name: [score("fvd", 0.1 + 0.2)] for name in names}, [], {}, {})
    rows = list(csv.DictReader(io.StringIO(as_csv(results))))
    assert [row["model"] for row in rows] == names
    assert {(float(row["value"]), row["num_clips"]) for row in rows} == {(0.1 + 0.2, "7")}


def test_markdown_keeps_its_columns():
    lines = [line for line in RENDERERS["markdown"](AWKWARD).splitlines() if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in lines] == [3] * 4


def test_latex_has_no_bare_special_character():
    text = RENDERERS["latex"](AWKWARD)
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    assert r"1 \& 2 & 50 \% \\" in body
    assert not re.search(r"(?<!\\)[%_#$]", text)
    assert text.count(r"\begin") == text.count(r"\end") == 2


def test_uneven_rows_are_refused():
    with pytest.raises(ValueError, match="expected 2 cells, found 1"):
        Table("", "model", (Column("a"), Column("b")), (Row("one", ("1",)),))


class Page(HTMLParser):
    """Collects what a browser would load and show."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.best: list[str] = []
        self._is_best = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        self._is_best = ("class", "best") in attrs or (self._is_best and tag == "b")

    def handle_data(self, data):
        self.texts.append(data)
        if self._is_best:
            self.best.append(data)
            self._is_best = False


@pytest.fixture
def two_models(tmp_path):
    """Two models and the real stickers behind them; the second lacks a prompt of the first."""
    shards = write_shards(tmp_path / "shards", num_stickers=4, splits=("vsd_r",))
    prompts = [clip.prompt for clip in list_split(shards, splits=("vsd_r",), num_frames=8, size=256, max_clips=9)]
    one = write_outputs(tmp_path / "one", ["<b>cat", *prompts[:2]])
    two = write_outputs(tmp_path / "two", prompts[:2], first_seed=6000, media_format="webp")
    scores = {REAL: [score("fvd", 1.0)], "one": [score("fvd", 10.0)], "two": [score("fvd", 20.0)]}
    generated = {"one": str(one), "two": str(two)}
    return write_run(tmp_path / "run", ("vsd_r",), scores, generated=generated, shards=shards)


def test_the_leaderboard_needs_no_other_file_and_shows_the_stickers_side_by_side(two_models, tmp_path):
    prompts = common_prompts(output_folders(two_models), count=3)
    real = real_stickers([two_models], frozenset(prompts))
    examples = side_by_side(output_folders(two_models), real, count=3)
    assert examples.models == (REAL, "one", "two")
    assert [prompt for prompt, _ in examples.rows][-1] == "<b>cat"  # what only one model drew comes last
    assert examples.rows[-1][1][0] is examples.rows[-1][1][2] is None
    page = Page(leaderboard(paper_tables(read_runs([two_models])), examples))
    pictures = [source.partition(";base64,") for source in page.sources]
    assert len(pictures) == 2 * (2 + 3 + 2)  # moving, and still
    assert {kind for kind, _, _ in pictures} == {"data:image/webp"}
    moving = [decode(base64.b64decode(data)) for _, _, data in pictures[::2]]
    assert [clip.num_frames for clip in moving].count(5) == 3 + 2  # the models' have five frames
    assert "<b>cat" in page.texts and "2550.11" in page.texts


def measured(value: float, low: float, high: float, num_clips: int = 9) -> Score:
    return Score("metric", value, low, high, num_clips, {}, "higher")


def best_of(columns, *rows) -> list[str]:
    return Page(leaderboard([Table("t", "model", columns, rows)], Examples((), ()))).best


def test_a_winner_has_an_interval_beyond_all_others():
    rows = (
        Row("one", (measured(3, 2.5, 4), measured(3, 2, 4), measured(9, 8, 10))),
        Row("two", (measured(1, 0.5, 2), measured(1, 0.5, 2.1), measured(1, 0, 2))),
        Row("best", (Number(99), Number(0), Number(9)), "paper"),
        Row(REAL, (measured(50, 49, 51), measured(0, 0, 0), measured(5, 4, 6)), "real"),
    )
    assert best_of((Column("a", "higher"), Column("b", "lower"), Column("c")), *rows) == ["3"]


def test_the_winner_of_a_column_where_lower_is_better_has_the_lowest_interval():
    rows = (Row("one", (measured(3, 2.5, 4),)), Row("two", (measured(1, 0.5, 2),)))
    assert best_of((Column("b", "lower"),), *rows) == ["1"]


def test_intervals_that_touch_only_after_rounding_still_have_a_winner():
    rows = (Row("one", (measured(0.50011, 0.50004, 0.51),)), Row("two", (measured(0.4, 0.3, 0.50003),)))
    assert best_of((Column("a", "higher"),), *rows) == ["0.5001"]


def test_there_is_no_winner_among_models_judged_on_different_numbers_of_clips():
    column, nothing = (Column("a", "higher"),), float("nan")
    rows = (Row("one", (measured(3, 2.5, 4, 2),)), Row("two", (measured(1, 0.5, 2, 20),)))
    assert best_of(column, *rows) == []
    one, three = Row("one", (measured(3, 2.5, 4, 20),)), Row("three", (measured(1, 0.5, 2, 20),))
    assert best_of(column, one, Row("two", (measured(nothing, nothing, nothing, 1),)), three) == []
    assert best_of(column, one, Row("two", (None,)), three) == ["3"]


def test_a_model_folder_given_by_a_relative_path_keeps_its_pictures(tmp_path, monkeypatch):
    shards = write_shards(tmp_path / "shards", num_stickers=5, splits=("vsd_r",))
    write_outputs(tmp_path / "here" / "model", ["a", "b"])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    config = BenchmarkConfig(generated={"m": "model"}, shards=shards, splits=("vsd_r",), metrics=("motion_amount",))
    run_benchmark(config, "results")
    monkeypatch.chdir(tmp_path / "elsewhere")
    shown = side_by_side(output_folders("../here/results"), {}, count=2)
    assert [[sticker is not None for sticker in stickers] for _, stickers in shown.rows] == [[True], [True]]


def test_a_leaderboard_without_shards_and_folders_still_has_its_tables(two_models, tmp_path):
    for name in ("shards", "one", "two"):
        (tmp_path / name).rename(tmp_path / f"gone {name}")
    assert real_stickers([two_models], frozenset({"<b>cat"})) == {}
    page = Page(
        leaderboard(paper_tables(read_runs([two_models])), side_by_side(output_folders(two_models), {}, count=3))
    )
    assert page.sources == [] and "2550.11" in page.texts


def test_videos_are_drawn_at_their_own_pace_and_what_is_no_video_leaves_a_gap(tmp_path):
    frames = np.full((6, 32, 48, 3), 200, np.uint8)
    frames[:, 8:24, 8:24] = np.arange(6, dtype=np.uint8)[:, None, None, None] * 30
    write_video(tmp_path / "a.mp4", frames, codec="mpeg4", pixels="yuv420p", rate=1)
    (tmp_path / "b.mp4").write_bytes(b"....ftyp")
    examples = side_by_side({"mine": tmp_path}, {}, count=2)
    (_, (drawn,)), (_, (gap,)) = examples.rows
    clip = decode(base64.b64decode(drawn.moving.partition(",")[2]))
    assert gap is None and list(clip.durations_ms) == [1000] * 6
    assert f'alt="mine: a.mp4" src="{drawn.moving}"' in leaderboard([], examples)


SVG = "{http://www.w3.org/2000/svg}"


def steps_of(tmp_path, values, *, metric="fvd", name="run"):
    """A run over checkpoints: {(series, step): value}."""
    scores = {f"{series} step {step}": [score(metric, value)] for (series, step), value in values.items()}
    origins = {f"{series} step {step}": Origin(series=series, step=step) for series, step in values}
    config = BenchmarkConfig(generated={"x": "y"}, shards="s", metrics=("fvd",))
    results = Results({REAL: [score(metric, 5.0)], **scores}, [], {}, origins)
    write_results(results, config, Store(str(tmp_path / name)))
    return str(tmp_path / name)


def test_figure_6_is_a_point_per_checkpoint_in_the_order_of_steps(tmp_path):
    run = steps_of(
        tmp_path, {("sti", 1000): 30.0, ("sti", 200): 50.0, ("conv", 200): 60.0, ("conv", 1000): float("nan")}
    )
    sti, conv = curves(read_results(run))
    assert (sti.series, [(step, s.value) for step, s in sti.points]) == ("sti", [(200, 50.0), (1000, 30.0)])
    assert [step for step, _ in conv.points] == [200] and sti.real.value == 5.0
    table = curve_table(read_results(run))
    assert [row[:2] for row in table.text_rows] == [("conv", "200"), ("sti", "200"), ("sti", "1000")]
    assert any("without numbers" in note for note in table.notes)


def test_figure_6_over_two_runs_refuses_two_protocols(tmp_path):
    one = steps_of(tmp_path, {("sti", 1): 1.0}, name="one")
    lines = [{**line, "protocol": {"frames": "other"}, "model": f"{line['model']} b"} for line in read_lines(one)]
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ConfigError, match="measured with another protocol"):
        curves(read_results(one, str(tmp_path / "two")))


def test_results_without_steps_are_no_figure(two_models):
    with pytest.raises(ConfigError, match="states its training steps; run .*`--checkpoints all`"):
        curves(read_results(two_models))


def test_the_chart_is_well_formed_and_higher_scores_stand_higher(tmp_path):
    run = steps_of(tmp_path, {("a & b", 100): 10.0, ("a & b", 200): 40.0, ("c", 100): 20.0})
    root = ElementTree.fromstring(curve_chart(curves(read_results(run))))
    heights = {}
    for group in root.iter(f"{SVG}g"):
        if (tip := group.find(f"{SVG}title")) is not None:
            heights[tip.text.split(":")[0]] = float(group.find(f".//{SVG}use").get("y"))
    assert heights["a & b, 100 steps"] > heights["c, 100 steps"] > heights["a & b, 200 steps"]
    assert {"a & b", "c", "real stickers"} <= {text.text for text in root.iter(f"{SVG}text")}


def test_one_checkpoint_alone_is_drawn_too(tmp_path):
    ElementTree.fromstring(curve_chart(curves(read_results(steps_of(tmp_path, {("a", 100): 10.0})))))


def test_pgfplots_has_an_axis_per_metric_and_every_point(tmp_path):
    text = pgfplots(read_results(steps_of(tmp_path, {("a_b", 100): 10.0, ("a_b", 200): 8.0})))
    assert text.count(r"\begin{axis}") == text.count(r"\end{axis}") == 1
    assert "100 10 1 1" in text and "200 8 1 1" in text and r"\addlegendentry{a\_b}" in text
    assert not re.search(r"(?<!\\)_", text.replace("error_", ""))
