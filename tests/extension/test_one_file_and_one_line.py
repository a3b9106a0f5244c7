"""The table of CONTRIBUTING.md is true: with a file and a line in a registry, configs know the new name."""

import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from vsd2m.annotate.caption import CaptionConfig
from vsd2m.annotate.describe import DescribeConfig
from vsd2m.annotate.describers import DESCRIBERS, make_describer
from vsd2m.annotate.describers.base import Sighting
from vsd2m.annotate.engines import ENGINES, make_engine
from vsd2m.annotate.engines.base import Text
from vsd2m.benchmark.config import JudgingConfig
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics import METRICS, metric_class
from vsd2m.crawl.config import CrawlConfig
from vsd2m.crawl.sources import SOURCES
from vsd2m.filter.rules import RULES
from vsd2m.filter.stage import FilterConfig
from vsd2m.gallery.apis import APIS, api_class
from vsd2m.gallery.apis.base import MODEL_KEY, ApiOptions
from vsd2m.gallery.library import Library
from vsd2m.gallery.server import HttpRequest
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.model_config import make_layer
from vsd2m.generation.temporal_layers import TEMPORAL_LAYERS
from vsd2m.pipelines.configs import config_text
from vsd2m.pipelines.engine.config import PipelineConfig, json_schema
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.engine.stages import STAGES

pytestmark = pytest.mark.usefixtures("own_package")
GUIDE = Path(__file__).parents[2] / "CONTRIBUTING.md"


def gallery(**stages) -> dict:
    """The gallery recipe, with stages replaced or put behind the probe."""
    values = yaml.safe_load(config_text("gallery"))
    known = {}
    for name, options in values["stages"].items():
        known[name] = stages.pop(name, options)
        if name == "probe":
            known.update({new: stages[new] for new in list(stages) if new not in values["stages"]})
    return {**values, "stages": known}


def planned(values: dict):
    """The plan, of a config that the schema accepts as well."""
    jsonschema.Draft202012Validator(json_schema()).validate(values)
    return make_plan(PipelineConfig.model_validate(values))


def test_a_site_to_crawl(monkeypatch):
    monkeypatch.setitem(SOURCES, "anonymous", "own_stickers.sources:Anonymous")
    options = {"source": "anonymous", "site": "http://127.0.0.1", "key": "the-key-of-the-site"}
    source = CrawlConfig(source=options, words=("cat",)).job(("cat",), Path("spool")).open_source()
    assert type(source).__name__ == "Anonymous" and source.first_request("cat").body == '{"word": "cat"}'


def test_a_model_of_an_api(monkeypatch, tmp_path):
    monkeypatch.setitem(APIS, "anonymous", "own_stickers.apis:AnonymousModel")
    (tmp_path / "cat.gif").touch()
    model = api_class("anonymous")(Library(tmp_path), ApiOptions(), "http://x")
    assert model.answer(HttpRequest("/words", headers={"x-api-key": MODEL_KEY})).body == b'{"words": ["cat"]}'


def test_a_filter_rule(monkeypatch):
    monkeypatch.setitem(RULES, "min_colours", "own_stickers.rules:MinColours")
    (rule,) = FilterConfig.model_validate({"rules": {"min_colours": {"min_colours": 5}}}).rules.values()
    assert rule.verdict({"num_colours": 4}).reason == "too_few_colours" and rule.verdict({"num_colours": 5}) is None
    colours = {"stage": "own_stickers.stages:Colours"}
    planned(gallery(colours=colours, few={"stage": "filter", "rules": {"min_colours": None}}))


def test_a_describer(monkeypatch):
    monkeypatch.setitem(DESCRIBERS, "colour", "own_stickers.describers:ColourDescriber")
    config = DescribeConfig.model_validate({"describer": {"describer": "colour", "noun": "cat"}})
    sighting = Sighting(np.zeros((1, 1, 1, 4), np.uint8), np.ones(1, np.int32), {"main_colour": "ff0000"})
    assert make_describer(config.describer).describe([sighting]) == ["A cat of ff0000."]
    planned(gallery(colours={"stage": "own_stickers.stages:Colours"}, describe={"describer": "colour"}))


def test_a_language_model_engine(monkeypatch):
    monkeypatch.setitem(ENGINES, "echo", "own_stickers.engines:EchoEngine")
    config = CaptionConfig.model_validate({"engine": {"engine": "echo", "prefix": "> "}})
    assert make_engine(config.engine).generate([Text("a cat")], max_new_tokens=8)[0].text == "> a cat"
    planned(gallery(caption={"engine": "echo"}))


def test_a_pipeline_stage(monkeypatch):
    monkeypatch.setitem(STAGES, "colours", "own_stickers.stages:Colours")
    plan = planned(gallery(colours={"max_shares": 2}))
    assert plan.stage("colours").stage.config.max_shares == 2
    assert plan.schema["main_colour"].in_samples


def test_a_temporal_layer(monkeypatch):
    pytest.importorskip("diffusers")
    monkeypatch.setitem(TEMPORAL_LAYERS, "echo", "own_stickers.layers:EchoLayer")
    model = {"temporal_layer": {"layer": "echo", "delay": 3}}
    config = TrainConfig.model_validate({"out": "out", "data": {"shards": "shards"}, "model": model})
    assert make_layer(config.model.temporal_layer).config.delay == 3


def test_a_metric(monkeypatch):
    monkeypatch.setitem(METRICS, "lightness", "own_stickers.metrics:Lightness")
    (name,) = JudgingConfig(shards="shards", metrics=("lightness",)).metrics
    assert metric_class(name)(Weights()).name == "lightness"


def test_the_table_names_every_registry_and_its_file():
    rows = re.findall(r"^\| a [^|]+ \| `?([^|`]+)`? \| `?(\w+)`? ", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    registries = {
        "SOURCES": SOURCES,
        "APIS": APIS,
        "RULES": RULES,
        "DESCRIBERS": DESCRIBERS,
        "ENGINES": ENGINES,
        "TEMPORAL_LAYERS": TEMPORAL_LAYERS,
        "METRICS": METRICS,
    }
    for file, registry in rows:
        if registry in registries:
            for name, where in registries.pop(registry).items():
                assert where.partition(":")[0].rsplit(".", 1)[-1] == name and file.endswith("/NAME.py"), where
    assert registries == {}
