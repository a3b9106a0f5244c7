"""Plants small faults (mutants) in the code, one at a time, and counts how many the tests notice.

    python measurements/robustness/mutants.py core engine --per-file 8 --seed 1 --results build/mutants.jsonl

For each file a seeded sample of its mutants: a comparison, an operator, a condition, a number, a truth value or a
returned value is changed, or a call left out. Each mutant is written into a copy of the package, so that the
processes which tests start see it too, and the tests that cover the file run against it until the first one fails.
A mutant is killed when a test fails, or when the tests use several times the processor time they need without it or
wait for something that never comes; a busy machine kills none. Texts are not mutated: no test should hold the wording
of a message. Mutants that change nothing anyone could observe are listed, with the reason, in
`equivalent_mutants.toml`; they are not run and not counted.

With `--results`, each outcome is appended to that file, and mutants that were killed before are not run again.
`--table` runs nothing: it prints what that file has of the code as it is now.
"""

import argparse
import ast
import contextlib
import copy
import hashlib
import json
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
CPU_FACTOR, MIN_CPU_SECONDS = 4, 20
"""Processor time that the tests are given with a mutant: that many times what they need without, or so many seconds."""
MIN_CPU_SHARE, PATIENCE_S = 0.01, 60
"""Tests that use less of one core than this for so long are waiting for something that never comes."""
PRELOADED = (
    "pytest", "jsonschema", "numba", "numpy", "PIL.Image", "polars", "pyarrow.parquet", "pydantic", "yaml",
)  # fmt: skip
FORKS = multiprocessing.get_context("forkserver")
"""Every run of the tests is a fork of one process that has imported these libraries: that takes longer than most runs."""
ENGINE_TESTS = ("tests/pipelines/test_pipelines_config.py", "tests/pipelines/test_pipelines_local.py")
MACHINE_TESTS = "tests/pipelines/test_pipelines_machine.py"
STAGE_PROCESS_TESTS = (
    "tests/pipelines/test_pipelines_stage_process.py",
    *(
        f"tests/pipelines/test_pipelines_time_limit.py::test_{name}"
        for name in (
            "a_stage_whose_process_dies_while_it_loads_its_models_stops_the_run",
            "a_batch_has_time_by_its_size_its_cores_and_what_the_stage_says_it_costs",
            "what_a_stage_prints_does_not_stand_among_the_results",
        )
    ),
)
OBSERVED_TESTS = tuple(
    f"{ENGINE_TESTS[1]}::test_{name}"
    for name in (
        "an_observer_is_told_of_every_partition_and_batch",
        "a_second_run_of_a_folder_is_refused_while_the_first_one_works",
        "a_smaller_data_set_leaves_no_partition_of_the_larger_one",
    )
)
RUN_TESTS = ("tests/core/test_core_contract.py", *ENGINE_TESTS, "tests/pipelines/test_pipelines_unreadable.py")
SCHEDULING_TESTS = ("tests/pipelines/test_pipelines_pools.py", "tests/pipelines/test_pipelines_scheduling.py")
OVERLAP_TESTS = tuple(
    f"tests/pipelines/test_pipelines_overlap.py::test_{name}"
    for name in (
        "every_partition_that_ran_is_in_the_timeline_once_and_a_resumed_run_has_its_own",
        "a_worker_that_gave_up_commits_nothing_and_one_that_rehearsed_commits_later",
        "a_run_without_stickers_ends_all_stages",
        "the_times_of_a_stage_are_sums_over_its_workers",
        "unless_told_otherwise_one_worker_works_at_a_time",
        "no_thread_and_no_process_of_a_run_is_left",
        "in_no_time_nobody_is_busy",
        "a_file_stage_writes_as_many_partitions_at_once_as_it_says_whatever_the_cores",
        "a_worker_of_this_machine_computes_rehearses_and_commits_in_a_thread_that_the_next_one_takes_over",
    )
)
INGEST_TESTS = tuple(f"tests/ingest/test_ingest_{name}.py" for name in ("growth", "hostile", "datasets"))
SHARD_TESTS = tuple(f"tests/shard/test_shard_{name}.py" for name in ("split", "order", "reader", "stage"))
DISTANCE_TESTS = tuple(f"tests/benchmark/test_benchmark_{name}.py" for name in ("distances", "intervals", "states"))
TABLE_TESTS = tuple(f"tests/benchmark/test_benchmark_{name}.py" for name in ("table_contents", "tables"))
COVER: dict[str, dict[str, tuple[str, ...]]] = {
    "core": {
        "core/commit.py": ("tests/core/test_core_contract.py",),
        "core/errors.py": ("tests/core/test_core_contract.py",),
        "core/external_sort.py": INGEST_TESTS,
        "core/file_digest.py": ("tests/core/test_core_generated_files.py", "tests/annotate/test_annotate_devices.py"),
        "core/finds/columns.py": ("tests/core/test_core_schema.py",),
        "core/finds/media_tar.py": ("tests/core/test_core_media_tar.py",),
        "core/finds/partition_plan.py": INGEST_TESTS,
        "core/finds/statements.py": INGEST_TESTS,
        "core/finds/tables.py": INGEST_TESTS,
        "core/finds/valid_text.py": ("tests/crawl/test_crawl_nothing_lost.py::test_valid_text_can_be_written_and_keeps_what_was_valid",),
        "core/folder_lock.py": ("tests/core/test_core_folder_lock.py",),
        "core/generated_files.py": ("tests/core/test_core_generated_files.py",),
        "core/keys.py": ("tests/core/test_core_contract.py",),
        "core/known_records.py": ("tests/core/test_core_known_records.py",),
        "core/listing.py": ("tests/core/test_core_known_records.py",),
        "core/notices.py": ("tests/core/test_core_contract.py",),
        "core/parquet.py": ("tests/core/test_core_parquet.py",),
        "core/partitioning.py": ("tests/core/test_core_partitioning.py",),
        "core/process_memory.py": ("tests/core/test_core_process_memory.py",),
        "core/registry.py": ("tests/core/test_core_registry.py", "tests/core/test_core_contract.py"),
        "core/run.py": ("tests/core/test_core_run.py", RUN_TESTS[-1]),
        "core/schema.py": ("tests/core/test_core_schema.py", "tests/core/test_core_contract.py"),
        "core/stage.py": ("tests/core/test_core_stage.py", "tests/core/test_core_registry.py", ENGINE_TESTS[0]),
        "core/strict_yaml.py": (ENGINE_TESTS[0], "tests/core/test_core_takedown.py"),
        "core/takedown.py": ("tests/core/test_core_takedown.py",),
        "core/threads.py": ("tests/core/test_core_threads.py",),
        "core/storage_faults.py": ("tests/core/test_core_storage_faults.py",),
        "core/storage.py": ("tests/core/test_core_storage.py", "tests/core/test_core_storage_faults.py"),
    },
    "engine": {
        "pipelines/engine/config.py": ENGINE_TESTS[:1],
        "pipelines/engine/exclusive.py": (MACHINE_TESTS, "tests/pipelines/test_pipelines_unreadable.py", f"{ENGINE_TESTS[1]}::test_a_second_run_of_a_folder_is_refused_while_the_first_one_works"),
        "pipelines/engine/execute.py": (ENGINE_TESTS[1], RUN_TESTS[-1]),
        "pipelines/engine/local.py": (*OBSERVED_TESTS, *OVERLAP_TESTS),
        "pipelines/engine/plan.py": (ENGINE_TESTS[0], "tests/pipelines/test_pipelines_own_columns.py", MACHINE_TESTS),
        "pipelines/engine/local_workers.py": OVERLAP_TESTS,
        "pipelines/engine/partition_worker.py": (*OVERLAP_TESTS, *OBSERVED_TESTS),
        "pipelines/engine/runners.py": ("tests/pipelines/test_pipelines_overlap.py::test_unless_told_otherwise_one_worker_works_at_a_time",),
        "pipelines/engine/stages.py": (ENGINE_TESTS[0], "tests/pipelines/test_pipelines_own_columns.py"),
        "pipelines/scheduling/conductor.py": OVERLAP_TESTS,
        "pipelines/scheduling/flow.py": (*OVERLAP_TESTS, *OBSERVED_TESTS),
        "pipelines/scheduling/machines.py": SCHEDULING_TESTS,
        "pipelines/scheduling/pools.py": SCHEDULING_TESTS,
        "pipelines/scheduling/room.py": SCHEDULING_TESTS,
        "pipelines/scheduling/timeline.py": (*SCHEDULING_TESTS, *OVERLAP_TESTS),
        "pipelines/scheduling/workers.py": SCHEDULING_TESTS,
        "pipelines/engine/stage_child.py": STAGE_PROCESS_TESTS,
        "pipelines/engine/stage_process.py": STAGE_PROCESS_TESTS,
    },
    "rules": {
        f"filter/rules/{name}.py": ("tests/filter/test_filter_rules.py",)
        for name in (
            "aspect_ratio", "blank", "entropy", "num_frames", "size", "static_though_animated", "text_length",
            "unsafe", "watermark",
        )
    },
    "shard": {
        "shard/loading/order.py": SHARD_TESTS[1:2],
        "shard/split.py": SHARD_TESTS[:1],
        "shard/stage.py": SHARD_TESTS[2:],
        "shard/writer.py": ("tests/shard/test_shard_writer.py",),
    },
    "benchmark": {
        "benchmark/distances/extrapolation.py": DISTANCE_TESTS[:1],
        "benchmark/distances/feature_distances.py": DISTANCE_TESTS,
        "benchmark/distances/frechet.py": DISTANCE_TESTS[:1],
        "benchmark/distances/mmd.py": DISTANCE_TESTS[:1],
        "benchmark/distances/moments.py": (DISTANCE_TESTS[0], DISTANCE_TESTS[2]),
        **{
            f"benchmark/tables/{name}.py": TABLE_TESTS
            for name in (
                "curve_chart", "curves", "leaderboard", "paper_tables", "published", "results_tables", "side_by_side",
                "table", "text_tables",
            )
        },
    },
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    file: str
    function: str
    line: int
    change: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.function})  {self.change}"

    @property
    def place(self) -> tuple[str, str, str]:
        """By which a mutant is known in `equivalent_mutants.toml`."""
        return self.file, self.function, self.change

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.file}\n{self.source}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Run:
    """What the tests did: `failure` names the first failed test, or says what they were stopped for."""

    failure: str | None
    cpu_seconds: float


FLIPS: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def sample_mutants(file: str, *, count: int, seed: int) -> tuple[list[Mutant], int]:
    """So many mutants of a file, fewer where it has fewer, and how many it has. More of them begin with the same."""
    source = (ROOT / "vsd2m" / file).read_text(encoding="utf-8")
    tree = ast.parse(source)
    places = [
        (number, change) for number, (_, node) in enumerate(_nodes(tree)) for change, _ in enumerate(_changes(node))
    ]
    order = list(places)
    random.Random(f"{seed}:{file}").shuffle(order)
    return [_mutant(file, tree, *place) for place in order[:count]], len(places)


def _mutant(file: str, tree: ast.Module, number: int, change: int) -> Mutant:
    twin = copy.deepcopy(tree)
    function, target = list(_nodes(twin))[number]
    before = ast.unparse(target).splitlines()[0]
    list(_changes(target))[change](target)
    return Mutant(
        file, function, target.lineno, f"{before}  ->  {ast.unparse(target).splitlines()[0]}", ast.unparse(twin)
    )


def _nodes(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.expr | ast.stmt]]:
    """Expressions and statements that run, with the function they are in; annotations, what is raised, and imports
    for types are left out."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "type_params", "decorator_list"} or isinstance(tree, ast.Raise):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield function, child
            is_named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            yield from _nodes(child, f"{function}.{child.name}".lstrip(".") if is_named else function)


def _changes(node: ast.AST) -> Iterator[Callable[[ast.AST], None]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in FLIPS:
        yield lambda target: target.ops.__setitem__(0, FLIPS[type(target.ops[0])]())
    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in FLIPS and not _is_text(node):
        yield lambda target: setattr(target, "op", FLIPS[type(target.op)]())
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda target: setattr(target, "value", not target.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield lambda target: setattr(target, "value", target.value + 1)
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(node.test, ast.Compare | ast.BoolOp):
        yield lambda target: setattr(target, "test", ast.UnaryOp(ast.Not(), target.test))
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield lambda target: setattr(target, "value", ast.Constant(None))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield lambda target: setattr(target, "value", ast.Constant(None))


def _is_text(node: ast.BinOp | ast.BoolOp) -> bool:
    return any(isinstance(part, ast.JoinedStr) for part in ast.walk(node))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def make_copy(folder: Path) -> None:
    """The package, the samples and the tests in `folder`, compiled modules and kernels included."""
    for name in ("vsd2m", "samples", "tests"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "README.md", "docs", "examples"):
        (folder / name).symlink_to(ROOT / name)


def with_mutant(folder: Path, mutant: Mutant, tests: tuple[str, ...], *, cpu_limit_s: float) -> Run:
    """What the tests do with the mutant in place."""
    path = folder / "vsd2m" / mutant.file
    original = path.read_bytes()
    path.write_text(mutant.source, encoding="utf-8")
    try:
        return run_tests(folder, tests, cpu_limit_s=cpu_limit_s)
    finally:
        path.write_bytes(original)


def run_tests(folder: Path, tests: tuple[str, ...], *, cpu_limit_s: float) -> Run:
    """Runs the tests until the first one fails, or until they are stopped."""
    output = folder / "output.txt"
    child = FORKS.Process(target=_pytest, args=(folder, tests, output))
    child.start()
    stopped, cpu_seconds = _watch(child, cpu_limit_s=cpu_limit_s)
    if stopped is not None or child.exitcode == 0:
        return Run(stopped, cpu_seconds)
    text = output.read_text(encoding="utf-8", errors="replace")
    failures = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    return Run(failures[0] if failures else f"pytest ended with {child.exitcode}", cpu_seconds)


def _pytest(folder: Path, tests: tuple[str, ...], output: Path) -> None:
    """Runs in a process of its own, which has the libraries of `PRELOADED` and no module of the package yet."""
    import pytest

    os.setsid()
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    search = [str(folder), str(folder / "samples")]
    originals = {str(ROOT), str(ROOT / "samples"), str(Path(__file__).parent)}
    sys.path[:] = [*search, *(entry for entry in sys.path if entry not in originals)]
    sys.dont_write_bytecode = True
    os.environ.update(PYTHONPATH=os.pathsep.join(search), PYTHONDONTWRITEBYTECODE="1")
    os.chdir(folder)
    options = ["-q", "-x", "-rfE", "-p", "no:cacheprovider", "-k", "not s3 and not ray_"]
    os._exit(int(pytest.main([*options, *tests])))


def _watch(child: BaseProcess, *, cpu_limit_s: float) -> tuple[str | None, float]:
    """Waits for the end, or stops the tests and says why; and the processor time they used."""
    process = psutil.Process(child.pid)
    used, since, used_then = 0.0, time.monotonic(), 0.0
    while child.exitcode is None:
        used = max(used, _cpu_seconds(process))
        if used - used_then > MIN_CPU_SHARE * PATIENCE_S:
            since, used_then = time.monotonic(), used
        is_idle = time.monotonic() - since > PATIENCE_S
        if is_idle or used > cpu_limit_s:
            _kill(process)
            child.join()
            return ("waited for nothing" if is_idle else "processor time"), used
        child.join(0.2)
    return None, used


def _cpu_seconds(process: psutil.Process) -> float:
    """Of a process, of those it started that still run, and of those that ended."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def _kill(process: psutil.Process) -> None:
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


class Results:
    """Outcomes by mutant, kept in a file if one is named."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.failures: dict[str, str | None] = {}
        if path is not None and path.exists():
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            self.failures = {line["mutant"]: line["failure"] for line in lines}

    def killed(self, mutant: Mutant) -> bool:
        return self.failures.get(mutant.digest) is not None

    def add(self, mutant: Mutant, failure: str | None) -> None:
        self.failures[mutant.digest] = failure
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        values = {
            "file": mutant.file, "function": mutant.function, "line": mutant.line, "change": mutant.change,
            "mutant": mutant.digest, "failure": failure,
        }  # fmt: skip
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def equivalent_mutants() -> set[tuple[str, str, str]]:
    """The places of the mutants that nobody could notice."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutants"]
    return {(entry["file"], entry["function"], entry["change"]) for entry in entries if entry["reason"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=sorted(COVER))
    parser.add_argument("--files", nargs="*", default=[], help="only these files of the parts")
    parser.add_argument("--per-file", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, help="file (JSON lines) to which outcomes are appended")
    parser.add_argument("--table", action="store_true", help="only print what the results have")
    options = parser.parse_args()
    chosen = {file: tests for part in options.parts for file, tests in COVER[part].items()}
    if options.files:
        chosen = {file: chosen[file] for file in options.files}
    results = Results(options.results)
    samples = {file: sample_mutants(file, count=options.per_file, seed=options.seed) for file in chosen}
    if not options.table:
        run_samples({file: sample for file, (sample, _) in samples.items()}, chosen, results)
    print_table(samples, results)


def run_samples(samples: Mapping[str, list[Mutant]], tests_of: Mapping[str, tuple[str, ...]], results: Results) -> None:
    """Runs the tests against every mutant that was not killed before and is not known to be equivalent."""
    os.environ["OMP_NUM_THREADS"] = "1"
    FORKS.set_forkserver_preload(list(PRELOADED))
    equivalent = equivalent_mutants()
    limits: dict[tuple[str, ...], float] = {}
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    try:
        make_copy(folder)
        for file, sample in samples.items():
            for mutant in sample:
                if mutant.place in equivalent or results.killed(mutant):
                    continue
                tests = tests_of[file]
                if tests not in limits:
                    limits[tests] = cpu_limit(folder, tests)
                failure = with_mutant(folder, mutant, tests, cpu_limit_s=limits[tests]).failure
                results.add(mutant, failure)
                print(f"{failure or 'survived'}: {mutant}", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder)


def print_table(samples: Mapping[str, tuple[list[Mutant], int]], results: Results) -> None:
    """A line per file, then the survivors: mutants of the file, of the sample that was run, equivalent, killed."""
    equivalent = equivalent_mutants()
    counts, survivors = [], []
    print("| file | mutants | sample | equivalent | killed | score |\n|---|---|---|---|---|---|")
    for file, (sample, num_mutants) in samples.items():
        with_outcome = [m for m in sample if m.place in equivalent or m.digest in results.failures]
        different = [m for m in with_outcome if m.place not in equivalent]
        survivors += [m for m in different if not results.killed(m)]
        killed = sum(map(results.killed, different))
        counts.append((num_mutants, len(with_outcome), len(with_outcome) - len(different), killed))
        _print_row(f"`{file}`", *counts[-1])
    _print_row("all", *map(sum, zip(*counts, strict=True)))
    for mutant in survivors:
        print(f"survived: {mutant}")


def _print_row(name: str, num_mutants: int, num_sample: int, num_equivalent: int, num_killed: int) -> None:
    num_different = num_sample - num_equivalent
    share = f"{num_killed / num_different:.0%}" if num_different else "-"
    print(f"| {name} | {num_mutants} | {num_sample} | {num_equivalent} | {num_killed} | {share} |")


def cpu_limit(folder: Path, tests: tuple[str, ...]) -> float:
    """Seconds of processor time for these tests, which must pass without a mutant."""
    run = run_tests(folder, tests, cpu_limit_s=3600)
    if run.failure is not None:
        raise SystemExit(f"without a mutant, this fails: {run.failure}")
    return max(CPU_FACTOR * run.cpu_seconds, MIN_CPU_SECONDS)


if __name__ == "__main__":
    main()
