"""The paper's tables of quality and cost, its published rows beside ours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vsd2m.benchmark.metric import Score
from vsd2m.benchmark.results import REAL, Results, read_lines, read_results
from vsd2m.benchmark.tables.published import PUBLISHED_COSTS, PUBLISHED_SCORES, TestSet, Training
from vsd2m.benchmark.tables.results_tables import cell, common_columns, find
from vsd2m.benchmark.tables.text_tables import Table
from vsd2m.core.errors import ConfigError
from vsd2m.core.generated_files import Cost

TEST_SETS: tuple[TestSet, ...] = ("VSD-R", "VSD-C")
DIGITS = {"video_quality": 3, "fvd": 2, "clip_similarity": 3}
COLUMNS = {"video_quality": "VQA ↑", "fvd": "FVD ↓", "clip_similarity": "CLIP ↑"}
TITLES = {
    "apart": "Table 4: quality, a model for each domain",
    "other": "Table 5: quality, models trained on other data sets",
    "joint": "Table 7: quality, one model for both domains",
}
"""By how the models were trained, in the order of the paper, whose table of costs is quoted without its number."""
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
    """One run per folder; `ConfigError` where VSD-R and VSD-C were measured together, which the paper never does."""
    return [_read_run(folder) for folder in folders]


def paper_tables(runs: Sequence[Run]) -> list[Table]:
    """Quality of models trained apart, on other data and jointly, and cost. Runs that do not state their training stand
    in every table of quality.

    `ConfigError` if runs on one test set used different protocols.
    """
    return [*(_quality_table(training, runs) for training in TITLES), _cost_table(runs)]


def _read_run(folder: str) -> Run:
    config = read_lines(folder)[0]["config"]
    tests = {"vsd_r": TEST_SETS[0], "vsd_c": TEST_SETS[1]}
    splits = config["splits"]
    if len(splits) != 1 or splits[0] not in tests:
        raise ConfigError(
            f"{folder} was measured on {' + '.join(splits)}; the paper's tables want vsd_r or vsd_c: "
            "run the benchmark once on the suite vsd-r and once on vsd-c"
        )
    return Run(tests[splits[0]], config.get("training"), read_results(folder))


def _quality_table(training: str, runs: Sequence[Run]) -> Table:
    mine = [run for run in runs if run.training in (training, None)]
    columns = tuple((test, metric) for test in TEST_SETS for metric in COLUMNS)
    ours = {test: _scores(run.results for run in mine if run.test == test) for test in TEST_SETS}
    rows = [*_published_rows(training, columns), *_our_rows(ours, columns)]
    head = ("model", *(f"{test} {COLUMNS[metric]}" for test, metric in columns))
    return Table(TITLES[training], head, tuple(rows), (PAPER_NOTE, *_protocols(ours)))


def _scores(results: Iterable[Results]) -> dict[str, list[Score]]:
    merged: dict[str, list[Score]] = {}
    for one in results:
        merged.update(one.scores)
    return merged


def _published_rows(training: str, columns: Sequence[tuple[TestSet, str]]) -> list[tuple[str, ...]]:
    trainings = set(OTHER_DATA) if training == "other" else {training}
    shown = [score for score in PUBLISHED_SCORES if score.training in trainings]
    names = dict.fromkeys(score.model or OTHER_DATA[score.training] for score in shown)
    rows = []
    for name in names:
        mine = [score for score in shown if name == (score.model or OTHER_DATA[score.training])]
        by_test = {score.test: score.by_metric for score in mine}
        cells = (_published(by_test.get(test, {}).get(metric), metric) for test, metric in columns)
        rows.append((f"{name} (paper)", *cells))
    return rows


def _published(value: float | None, metric: str) -> str:
    return "-" if value is None else f"{value:.{DIGITS[metric]}f}"


def _our_rows(
    ours: dict[TestSet, dict[str, list[Score]]], columns: Sequence[tuple[TestSet, str]]
) -> list[tuple[str, ...]]:
    """A row per model with at least one of the columns."""
    names = dict.fromkeys(name for scores in ours.values() for name in scores)
    rows = [(name, *(cell(find(ours[test].get(name, []), metric)) for test, metric in columns)) for name in names]
    return [row for row in rows if set(row[1:]) != {"-"}]


def _protocols(ours: dict[TestSet, dict[str, list[Score]]]) -> list[str]:
    """How our numbers were measured; also where different protocols are refused."""
    notes = []
    for test, scores in ours.items():
        for metric, score in common_columns(scores).items():
            if metric in COLUMNS:
                facts = ", ".join(f"{name}: {value}" for name, value in score.protocol.items())
                notes.append(f"ours, {test} {metric}: {facts}.")
    return notes


def _cost_table(runs: Sequence[Run]) -> Table:
    head = ("model", "seconds per sticker ↓", "parameters (billions)", "peak memory (GiB)", "device")
    rows = [
        (f"{c.model} (paper)", f"{c.seconds:g}", f"{c.parameters_billions:g}", "-", "V100") for c in PUBLISHED_COSTS
    ]
    costs = {name: cost for run in runs for name, cost in run.results.costs.items() if name != REAL}
    rows += [_cost_row(name, cost) for name, cost in costs.items()]
    notes = (PAPER_NOTE, "ours: from the `cost.json` beside a model's outputs.")
    return Table("Cost of a sticker", head, tuple(rows), notes)


def _cost_row(name: str, cost: Cost) -> tuple[str, str, str, str, str]:
    memory = "-" if cost.peak_memory_bytes is None else f"{cost.peak_memory_bytes / 2**30:.2f}"
    parameters = "-" if cost.num_parameters is None else f"{cost.num_parameters / 1e9:.4g}"
    return name, f"{cost.seconds_per_sample:.4g}", parameters, memory, cost.device
