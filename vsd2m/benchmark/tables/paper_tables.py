"""The paper's tables of quality and cost, its published rows next to ours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import REAL, Results, read_lines, read_results
from vsd2m.benchmark.tables.published import PUBLISHED_COSTS, PUBLISHED_SCORES, TestSet, Training
from vsd2m.benchmark.tables.results_tables import common_columns, find, score_row
from vsd2m.benchmark.tables.table import Cell, Column, Number, Row, Table
from vsd2m.core.errors import ConfigError
from vsd2m.core.generated_files import Cost

TEST_SETS: tuple[TestSet, ...] = ("VSD-R", "VSD-C")
DIGITS = {"video_quality": 3, "fvd": 2, "clip_similarity": 3}
COLUMNS: dict[str, Column] = {
    "video_quality": Column("VQA", "higher"),
    "fvd": Column("FVD", "lower"),
    "clip_similarity": Column("CLIP", "higher"),
}
TITLES = {
    "apart": "Table 4: quality, a model for each domain",
    "other": "Table 5: quality, models trained on other data sets",
    "joint": "Table 7: quality, one model for both domains",
}
"""By training, in the order of the paper. The paper's table of costs is quoted without its number."""
OTHER_DATA: dict[Training, str] = {"tgif": "trained on TGIF", "ser30k": "trained on SER30K"}
PAPER_NOTE = (
    "(paper): quoted from arXiv 2412.08259, which states neither the number of clips nor intervals, frame rule, "
    "resize and weights; for orientation, not for ranking."
)


@dataclass(frozen=True)
class Run:
    """A benchmark run on one test set."""

    test: TestSet
    training: str | None
    results: Results


def read_runs(folders: Sequence[str]) -> list[Run]:
    """One run per folder; `ConfigError` if VSD-R and VSD-C were measured together, which the paper never does."""
    return [_read_run(folder) for folder in folders]


def paper_tables(runs: Sequence[Run]) -> list[Table]:
    """Quality of models trained for one domain, on other data, and for both domains; and cost.

    Runs that do not state their training appear in every table of quality.

    `ConfigError` if runs on one test set used different protocols.
    """
    return [*(_quality_table(training, runs) for training in TITLES), _cost_table(runs)]


def _read_run(folder: str) -> Run:
    config = read_lines(folder)[0]["config"]
    tests = {"vsd_r": TEST_SETS[0], "vsd_c": TEST_SETS[1]}
    splits = config["splits"]
    if len(splits) != 1 or splits[0] not in tests:
        raise ConfigError(
            f"{folder} was measured on {' + '.join(splits)}; the paper's tables need vsd_r or vsd_c alone: "
            "run the benchmark once on the suite vsd-r and once on vsd-c"
        )
    return Run(tests[splits[0]], config.get("training"), read_results(folder))


def _quality_table(training: str, runs: Sequence[Run]) -> Table:
    our_runs = [run for run in runs if run.training in (training, None)]
    cells = tuple((test, metric) for test in TEST_SETS for metric in COLUMNS)
    ours = {test: _scores(run.results for run in our_runs if run.test == test) for test in TEST_SETS}
    columns = tuple(Column(f"{test} {COLUMNS[metric].name}", COLUMNS[metric].better) for test, metric in cells)
    rows = (*_published_rows(training, cells), *_our_rows(ours, cells))
    return Table(TITLES[training], "model", columns, rows, (PAPER_NOTE, *_protocols(ours)))


def _scores(results: Iterable[Results]) -> dict[str, list[Score]]:
    merged: dict[str, list[Score]] = {}
    for one in results:
        merged.update(one.scores)
    return merged


def _published_rows(training: str, cells: Sequence[tuple[TestSet, str]]) -> list[Row]:
    trainings = set(OTHER_DATA) if training == "other" else {training}
    scores = [score for score in PUBLISHED_SCORES if score.training in trainings]
    rows = []
    for name in dict.fromkeys(score.model or OTHER_DATA[score.training] for score in scores):
        by_test = {s.test: s.by_metric for s in scores if name == (s.model or OTHER_DATA[s.training])}
        numbers = (_published(by_test.get(test, {}).get(metric), metric) for test, metric in cells)
        rows.append(Row(name, tuple(numbers), "paper"))
    return rows


def _published(value: float | None, metric: str) -> Cell:
    return None if value is None else Number(value, f".{DIGITS[metric]}f")


def _our_rows(ours: dict[TestSet, dict[str, list[Score]]], cells: Sequence[tuple[TestSet, str]]) -> list[Row]:
    """A row per model with at least one of the scores."""
    names = dict.fromkeys(name for scores in ours.values() for name in scores)
    rows = [score_row(name, [find(ours[test].get(name, []), metric) for test, metric in cells]) for name in names]
    return [row for row in rows if any(isinstance(cell, Score) and cell.num_clips for cell in row.cells)]


def _protocols(ours: dict[TestSet, dict[str, list[Score]]]) -> list[str]:
    """Notes on how our numbers were measured; `ConfigError` if the protocols of a column differ."""
    notes = []
    for test, scores in ours.items():
        for metric, score in common_columns(scores).items():
            if metric in COLUMNS:
                facts = ", ".join(f"{name}: {value}" for name, value in score.protocol.items())
                notes.append(f"ours, {test} {metric}: {facts}.")
    return notes


def _cost_table(runs: Sequence[Run]) -> Table:
    columns = (
        Column("seconds per sticker", "lower"),
        Column("parameters (billions)"),
        Column("peak memory (GiB)"),
        Column("device"),
    )
    rows = [
        Row(c.model, (Number(c.seconds, "g"), Number(c.parameters_billions, "g"), None, "V100"), "paper")
        for c in PUBLISHED_COSTS
    ]
    costs = {name: cost for run in runs for name, cost in run.results.costs.items() if name != REAL}
    rows += [_cost_row(name, cost) for name, cost in costs.items()]
    notes = (PAPER_NOTE, "ours: from the `cost.json` next to a model's outputs.")
    return Table("Cost of a sticker", "model", columns, tuple(rows), notes)


def _cost_row(name: str, cost: Cost) -> Row:
    memory = None if cost.peak_memory_bytes is None else Number(cost.peak_memory_bytes / 2**30, ".2f")
    parameters = None if cost.num_parameters is None else Number(cost.num_parameters / 1e9, ".4g")
    return Row(name, (Number(cost.seconds_per_sample, ".4g"), parameters, memory, cost.device))
