"""The commands that print tables."""

import re
from xml.etree import ElementTree

import pytest
from benchmark_builders import write_outputs, write_shards

from vsd2m.benchmark.config import BenchmarkConfig
from vsd2m.benchmark.runner import run_benchmark
from vsd2m.benchmark.suite.provenance import Origin
from vsd2m.cli.main import app
from vsd2m.core.errors import ConfigError


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A run over two checkpoints on VSD-R."""
    folder = tmp_path_factory.mktemp("judged")
    shards = write_shards(folder / "shards", num_stickers=5, splits=("vsd_r",))
    names = {f"m step {step}": write_outputs(folder / str(step), ["a", "b"], first_seed=step) for step in (10, 20)}
    (names["m step 10"] / "cost.json").write_text('{"seconds_per_sample": 0.5}')
    config = BenchmarkConfig(
        generated={name: str(path) for name, path in names.items()},
        shards=shards,
        splits=("vsd_r",),
        size=24,
        metrics=("motion_amount", "flicker"),
        training="joint",
    )
    origins = {name: Origin(series="m", step=int(name.split()[-1])) for name in names}
    run_benchmark(config, str(folder / "out"), origins=origins)
    return str(folder / "out")


def printed(capsys, *words):
    app(["benchmark", "table", *words], standalone_mode=False)
    return capsys.readouterr().out


def test_the_papers_tables_by_number(judged, capsys):
    text = printed(capsys, judged, "--style", "paper")
    assert re.findall(r"\*\*(.+?)[:*]", text) == ["Table 4", "Table 5", "Table 7", "Cost of a sticker"]
    before, _, cost = text.partition("**Cost of a sticker")
    assert "| m step 10 | 0.5 |" in cost and "| m step" not in before and "| STI (paper) |" in before


@pytest.mark.parametrize(
    ("form", "expected"),
    [("markdown", "| m | 10 |"), ("csv", ",m,20,"), ("latex", r"\begin{axis}"), ("svg", "<svg"), ("html", "<svg")],
)
def test_figure_6_in_every_format(judged, capsys, form, expected):
    assert expected in printed(capsys, judged, "--figure", "6", "--format", form)


def test_the_svg_stands_alone(judged, capsys):
    ElementTree.fromstring(printed(capsys, judged, "--figure", "6", "--format", "svg"))


@pytest.mark.parametrize("form", ["markdown", "csv", "latex", "html"])
def test_the_plain_table_in_every_format(judged, capsys, form):
    assert "m step 20" in printed(capsys, judged, "--format", form)


@pytest.mark.parametrize("words", [["--figure", "7"], ["--format", "svg"], ["--style", "plane"]])
def test_unknown_words_are_refused_with_the_known_ones(judged, words):
    with pytest.raises(ConfigError, match="unknown .*; known: "):
        app(["benchmark", "table", judged, *words], standalone_mode=False)
