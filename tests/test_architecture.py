"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULE_IN_TEXT = re.compile(r"(vsd2m(?:\.\w+)+)(?::\w+)?")
MUTUAL_BY_NAME = {
    "vsd2m.generation.temporal_layers": "the registry and the base class of its components are one module",
    "vsd2m.media.decoders.worker.serve": "the registry and the type of its components are one module",
}
"""Modules whose texts may name modules that import them, with the reason."""
MAX_MODULES = 15
LARGE_FOLDERS = {
    "vsd2m/benchmark/metrics": "one file per metric",
    "vsd2m/media/decoders": "one file per format, and their common parts",
    "vsd2m/core": "small modules that all parts share, one per idea",
}
"""Folders that may have more modules in one flat list, with the reason."""
HEAVY = (
    "torch", "torchvision", "timm", "transformers", "diffusers", "accelerate", "paddle", "paddleocr", "paddlex", "onnxruntime",
    "ray", "vllm", "scrapy", "twisted", "scipy", "skimage", "sklearn", "imagehash", "datasets", "jinja2", "matplotlib", "torchmetrics",
    "numba", "llvmlite", "thorvg_python", "av", "resvg_py",
)  # fmt: skip


def loaded_after(statement: str) -> set[str]:
    """Top-level modules loaded once `statement` has run in a fresh interpreter."""
    code = f"import sys\n{statement}\nprint('\\n'.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import vsd2m",
        "import vsd2m.cli.main",
        "from vsd2m.pipelines.engine.config import json_schema; json_schema()",
        "import vsd2m.pipelines.cluster.ray_runner",
        "import vsd2m.generation.config",
        "import vsd2m; vsd2m.load",
    ],
)
def test_no_heavy_library_is_loaded_before_it_is_needed(statement: str):
    assert not loaded_after(statement) & set(HEAVY)


def test_importing_the_package_loads_nothing_beyond_the_standard_library():
    assert not loaded_after("import vsd2m") & {"numpy", "polars", "pyarrow", "PIL", "pydantic", "av", "fsspec"}


def test_imports_point_one_way():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def modules_in_texts(source: str) -> Iterator[str]:
    """Modules that texts name as "package.module" or "package.module:Class", which are imported when needed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            match = MODULE_IN_TEXT.fullmatch(node.value)
            if match:
                yield match[1]


def cycle_in(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, in order; empty if there are none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_not_even_in_functions_for_type_checkers_or_by_name():
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("vsd2m")
    imports = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules - {"vsd2m"}}
    for name in imports:
        path = ROOT.joinpath(*name.split("."))
        source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
        if name not in MUTUAL_BY_NAME:
            imports[name] |= set(modules_in_texts(source)) & graph.modules - {name, "vsd2m"}
    assert cycle_in(imports) == []


def test_a_circle_of_imports_and_names_is_noticed():
    assert list(modules_in_texts('A = {"a": "vsd2m.x.y:Z"}\nB = "vsd2m.x"\n"""Text on vsd2m.x.y:Z."""')) == [
        "vsd2m.x",
        "vsd2m.x.y",
    ]
    assert set(cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_folder_is_a_long_flat_list():
    folders = {path.parent for path in (ROOT / "vsd2m").rglob("*.py")}
    num_modules = {
        folder.relative_to(ROOT).as_posix(): sum(path.name != "__init__.py" for path in folder.glob("*.py"))
        for folder in folders
    }
    large = {name for name, count in num_modules.items() if count > MAX_MODULES}
    assert large <= set(LARGE_FOLDERS), "split the folder, or list it with the reason"


def test_no_module_has_grown_past_one_idea():
    long = {str(path.relative_to(ROOT)): lines for path in (ROOT / "vsd2m").rglob("*.py")
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400}  # fmt: skip
    assert long == {}


def test_every_test_folder_mirrors_a_part_of_the_package():
    parts = {path.name for path in (ROOT / "vsd2m").iterdir() if path.is_dir()} | {"samples", "extension"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= parts
