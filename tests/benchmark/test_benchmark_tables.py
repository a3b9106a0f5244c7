"""Tables: the paper's rows beside ours, in every format."""

import base64
import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.leaderboard import leaderboard
from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.origin import Cost, Origin, read_cost
from vsd2m.benchmark.paper_tables import paper_tables, read_runs
from vsd2m.benchmark.published import PUBLISHED_COSTS, PUBLISHED_SCORES
from vsd2m.benchmark.render import RENDERERS, Table
from vsd2m.benchmark.results import REAL, Results, output_folders, write_results
from vsd2m.core.errors import ConfigError
from vsd2m.core.storage import Store
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

AWKWARD = Table("Ti|tle", ("a_b", "c"), (("1 & 2", "50 %"), ('say "x", y', "p|q")), ("a note_",))


def score(metric: str, value: float, **protocol) -> Score:
    return Score(metric, value, value - 1, value + 1, 7, protocol or {"frames": "all"}, "lower")


def write_run(folder, splits, scores, training=None, costs=None, generated=None):
    """A benchmark run's folder as the runner leaves it."""
    generated = generated or {"mine": "x"}
    config = BenchmarkConfig(generated=generated, shards="s", splits=splits, training=training, metrics=("fvd",))
    origins = {name: Origin(outputs=path) for name, path in generated.items()}
    write_results(Results(scores, [], costs or {}, origins), config, Store(str(folder)))
    return str(folder)


def column(table: Table, name: str) -> dict[str, str]:
    index = table.head.index(name)
    return {row[0]: row[index] for row in table.rows}


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


def test_ours_stands_beside_the_published_rows_in_the_table_of_its_training(tmp_path):
    ours = {REAL: [score("fvd", 11.0)], "mine": [score("fvd", 1234.0)]}
    joint = write_run(tmp_path / "r", ("vsd_r",), ours, "joint")
    unstated = write_run(tmp_path / "c", ("vsd_c",), {"mine": [score("fvd", 99.0)]})
    apart, both, cost = paper_tables(read_runs([joint, unstated]))
    assert column(both, "VSD-R FVD ↓")["mine"].startswith("1234 [")
    assert column(both, "VSD-R FVD ↓")["STI (paper)"] == "2550.11"
    assert column(both, "VSD-R CLIP ↑")["VideoGPT (paper)"] == "-"
    assert column(apart, "VSD-R FVD ↓")["mine"] == "-"
    assert column(apart, "VSD-C FVD ↓")["mine"].startswith("99 [")
    assert column(apart, "VSD-R FVD ↓")["trained on TGIF (paper)"] == "3310.25"
    assert column(cost, "seconds per sticker ↓")["STI (paper)"] == "11.71"


def test_the_cost_of_a_model_comes_from_beside_its_outputs(tmp_path):
    values = {"seconds_per_sample": 0.25, "num_parameters": 1_855_940_000, "peak_memory_bytes": 2**32, "device": "X"}
    (tmp_path / "cost.json").write_text(json.dumps(values))
    costs = {"mine": read_cost(tmp_path)}
    assert costs["mine"] == Cost(**values)
    run = write_run(tmp_path / "r", ("vsd_r",), {}, costs=costs)
    rows = {row[0]: row[1:] for row in paper_tables(read_runs([run]))[2].rows}
    assert rows["mine"] == ("0.25", "1.856", "4.00", "X")
    (tmp_path / "cost.json").write_text('{"seconds_per_sample": -1, "num_parameters": 1, "device": "X"}')
    with pytest.raises(ConfigError, match=r"cost.json: seconds_per_sample: Input should be greater than 0"):
        read_cost(tmp_path)


def test_a_run_over_both_test_sets_has_no_place_in_the_papers_tables(tmp_path):
    with pytest.raises(ConfigError, match=r"vsd_r \+ vsd_c; .*once with `--set splits=\[vsd_r\]`"):
        read_runs([write_run(tmp_path, ("vsd_r", "vsd_c"), {"mine": [score("fvd", 1.0)]})])


def test_the_papers_tables_refuse_two_protocols_in_one_column(tmp_path):
    one = write_run(tmp_path / "1", ("vsd_r",), {"a": [score("fvd", 1.0, frames="loop16")]})
    two = write_run(tmp_path / "2", ("vsd_r",), {"b": [score("fvd", 2.0, frames="repeat16")]})
    with pytest.raises(ConfigError, match="fvd of 'b' .* frames: 'repeat16' here, 'loop16' in the column; such"):
        paper_tables(read_runs([one, two]))


def test_csv_reads_back():
    rows = list(csv.reader(io.StringIO(RENDERERS["csv"](AWKWARD))))
    assert rows == [["table", *AWKWARD.head], *([AWKWARD.title, *row] for row in AWKWARD.rows)]


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
    with pytest.raises(ValueError, match="2 cells expected, 1 found"):
        Table("", ("a", "b"), (("1",),))


class Page(HTMLParser):
    """Collects what a browser would load and show."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_leaderboard_needs_no_other_file_and_shows_the_stickers(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    frames = np.zeros((2, 8, 8, 4), np.uint8)
    data = encode(Clip(frames, np.full(2, 100, np.int32), 0, "gif"), "gif")
    for name in ("a.gif", "b.gif", "c.gif"):
        (folder / name).write_bytes(data)
    rows = [{"file": "a.gif", "prompt": "<b>cat"}, {"file": "c.gif", "prompt": "dog"}]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = write_run(tmp_path / "run", ("vsd_r",), {"mine": [score("fvd", 1.0)]}, generated={"mine": str(folder)})
    page = Page()
    page.feed(leaderboard(paper_tables(read_runs([run])), output_folders(run), num_examples=5))
    assert [base64.b64decode(source.removeprefix("data:image/gif;base64,")) for source in page.sources] == [data] * 2
    assert "<b>cat" in page.texts and "2550.11" in page.texts


def test_a_folder_that_is_gone_is_said_to_be_gone(tmp_path):
    assert "is not here any more" in leaderboard([], {"mine": tmp_path / "none"}, num_examples=1)
