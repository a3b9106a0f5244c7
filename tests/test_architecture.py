"""The rules of the house that a machine can check."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = (
    "torch", "torchvision", "timm", "transformers", "diffusers", "accelerate", "paddle", "paddleocr", "paddlex", "onnxruntime",
    "ray", "vllm", "scrapy", "twisted", "scipy", "skimage", "sklearn", "imagehash", "datasets", "jinja2", "matplotlib", "torchmetrics",
    "numba", "llvmlite", "thorvg_python", "av",
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


def test_no_module_has_grown_past_one_idea():
    long = {str(path.relative_to(ROOT)): lines for path in (ROOT / "vsd2m").rglob("*.py")
            if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400}  # fmt: skip
    assert long == {}


def test_every_test_folder_mirrors_a_part_of_the_package():
    parts = {path.name for path in (ROOT / "vsd2m").iterdir() if path.is_dir()} | {"samples", "extension"}
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= parts
