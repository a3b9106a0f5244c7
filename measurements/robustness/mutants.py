"""Plants small faults (mutants) in the code, one at a time, and counts how many the tests notice.

    python measurements/robustness/mutants.py core engine --per-file 8 --seed 1

For each file a seeded sample of its mutants: a comparison, an operator, a condition, a number, a truth value or a
returned value is changed, or a call left out. Each mutant is written into a copy of the package, so that the
processes which tests start see it too, and the tests that cover the file run against it until the first one fails.
A mutant is killed when a test fails or the tests outlast the time limit. Texts are not mutated: no test should hold
the wording of a message.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINE_TESTS = ("tests/pipelines/test_pipelines_config.py", "tests/pipelines/test_pipelines_local.py")
TIME_TESTS = ("tests/pipelines/test_pipelines_time_limit.py", "tests/pipelines/test_pipelines_worker_threads.py")
RUN_TESTS = ("tests/core/test_core_contract.py", *ENGINE_TESTS, "tests/pipelines/test_pipelines_unreadable.py")
SHARD_TESTS = tuple(f"tests/shard/test_shard_{name}.py" for name in ("split", "order", "reader", "stage"))
COVER: dict[str, dict[str, tuple[str, ...]]] = {
    "core": {
        "core/commit.py": ("tests/core/test_core_contract.py",),
        "core/errors.py": ("tests/core/test_core_contract.py",),
        "core/file_digest.py": ("tests/core/test_core_generated_files.py", "tests/annotate/test_annotate_devices.py"),
        "core/folder_lock.py": ("tests/core/test_core_folder_lock.py",),
        "core/generated_files.py": ("tests/core/test_core_generated_files.py",),
        "core/keys.py": ("tests/core/test_core_contract.py",),
        "core/parquet.py": ("tests/core/test_core_parquet.py",),
        "core/registry.py": ("tests/core/test_core_registry.py", "tests/core/test_core_contract.py"),
        "core/run.py": RUN_TESTS,
        "core/schema.py": ("tests/core/test_core_contract.py", "tests/pipelines/test_pipelines_own_columns.py"),
        "core/stage.py": ("tests/core/test_core_registry.py", *ENGINE_TESTS),
        "core/storage.py": ("tests/core/test_core_storage.py", "tests/pipelines/test_pipelines_unreadable.py"),
    },
    "engine": {
        "pipelines/engine/config.py": ENGINE_TESTS,
        "pipelines/engine/exclusive.py": ENGINE_TESTS,
        "pipelines/engine/execute.py": (*RUN_TESTS[2:], RUN_TESTS[1]),
        "pipelines/engine/local.py": (*RUN_TESTS[2:], RUN_TESTS[1]),
        "pipelines/engine/plan.py": (*ENGINE_TESTS, "tests/pipelines/test_pipelines_own_columns.py"),
        "pipelines/engine/stage_child.py": (*TIME_TESTS, ENGINE_TESTS[1]),
        "pipelines/engine/stage_process.py": (*TIME_TESTS, ENGINE_TESTS[1]),
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
        "shard/writer.py": SHARD_TESTS[2:],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    line: int
    change: str
    source: str


FLIPS: dict[type, type] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a file, in the order of its nodes."""
    tree = ast.parse(source)
    all_mutants = []
    for number, node in enumerate(_nodes(tree)):
        for change in _changes(node):
            twin = copy.deepcopy(tree)
            target = list(_nodes(twin))[number]
            before = ast.unparse(node).splitlines()[0]
            change(target)
            all_mutants.append(
                Mutant(node.lineno, f"{before}  ->  {ast.unparse(target).splitlines()[0]}", ast.unparse(twin))
            )
    return all_mutants


def _nodes(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Expressions and statements that run; annotations, what is raised, and imports for types are left out."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "type_params", "decorator_list"} or isinstance(tree, ast.Raise):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _nodes(child)


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


def survives(folder: Path, file: str, mutant: Mutant, tests: tuple[str, ...], *, timeout_s: float) -> bool:
    """Whether all the tests pass with the mutant in place."""
    path = folder / "vsd2m" / file
    original = path.read_bytes()
    path.write_text(mutant.source, encoding="utf-8")
    try:
        return run_tests(folder, tests, timeout_s=timeout_s)
    finally:
        path.write_bytes(original)


def run_tests(folder: Path, tests: tuple[str, ...], *, timeout_s: float) -> bool:
    """Whether the tests pass in time."""
    search = os.pathsep.join([str(folder), str(folder / "samples")])
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", "not s3", *tests]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            print(f"  stopped after {timeout_s:g} s", flush=True)
            return False
        return process.returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=sorted(COVER))
    parser.add_argument("--files", nargs="*", default=[], help="only these files of the parts")
    parser.add_argument("--per-file", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout-s", type=float, default=150)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    try:
        make_copy(folder)
        chosen = {file: tests for part in options.parts for file, tests in COVER[part].items()}
        if options.files:
            chosen = {file: chosen[file] for file in options.files}
        passed: set[tuple[str, ...]] = set()
        for file, tests in chosen.items():
            if tests not in passed and not run_tests(folder, tests, timeout_s=10 * options.timeout_s):
                raise SystemExit(f"without a mutant, one of these fails: {' '.join(tests)}")
            passed.add(tests)
            report(folder, file, tests, options)
    finally:
        shutil.rmtree(folder)


def report(folder: Path, file: str, tests: tuple[str, ...], options: argparse.Namespace) -> None:
    """Prints a line per surviving mutant and one for the file."""
    every = mutants((folder / "vsd2m" / file).read_text(encoding="utf-8"))
    sample = random.Random(f"{options.seed}:{file}").sample(every, min(options.per_file, len(every)))
    survivors = [m for m in sample if survives(folder, file, m, tests, timeout_s=options.timeout_s)]
    for mutant in survivors:
        print(f"  survived: {file}:{mutant.line}  {mutant.change}")
    print(f"| `{file}` | {len(every)} | {len(sample)} | {len(sample) - len(survivors)} |", flush=True)


if __name__ == "__main__":
    main()
