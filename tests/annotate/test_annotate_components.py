"""Describers and engines by name or by `module:Class`, with options that stand in the component alone."""

import sys
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field, ValidationError

from vsd2m.annotate.caption import CaptionConfig, CaptionStage
from vsd2m.annotate.describe import DescribeConfig, DescribeStage
from vsd2m.annotate.describers import DESCRIBERS, ChosenDescriber
from vsd2m.annotate.describers.base import Describer, DescriberConfig
from vsd2m.annotate.domain.domain_stage import DomainConfig
from vsd2m.annotate.engines import ENGINES, ChosenEngine
from vsd2m.annotate.engines.base import Completion, EngineConfig, TextEngine
from vsd2m.annotate.ocr.ocr_stage import OcrConfig
from vsd2m.annotate.unsafe import UnsafeConfig
from vsd2m.core.registry import load
from vsd2m.core.stage import Batch, StageConfig
from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode


class CountConfig(DescriberConfig):
    noun: str = Field("frames", min_length=1)


class Count(Describer[CountConfig]):
    """Says how many frames there are."""

    Config: ClassVar[type[DescriberConfig]] = CountConfig
    source = "count"

    def model_versions(self):
        return {}

    def start(self, *, num_threads):
        del num_threads

    def describe(self, sightings):
        return [f"{len(sighting.frames)} {self.config.noun}" for sighting in sightings]


class ShoutConfig(EngineConfig):
    mark: str = Field("!", max_length=3)


class Shout(TextEngine[ShoutConfig]):
    """Answers with the last line in capitals."""

    Config: ClassVar[type[EngineConfig]] = ShoutConfig
    model_name = "shout"

    def model_versions(self):
        return {"shout": "1"}

    def start(self, *, num_threads):
        del num_threads

    def generate(self, prompts, *, max_new_tokens, stop=()):
        return [
            Completion(prompt[-1].content.rsplit("\n", 1)[-1].strip().upper() + self.config.mark, True)
            for prompt in prompts
        ]


@pytest.fixture(autouse=True)
def module(monkeypatch):
    module = ModuleType("own_annotators")
    module.Count, module.Shout = Count, Shout
    monkeypatch.setitem(sys.modules, "own_annotators", module)


def test_a_describer_of_ones_own_describes_with_its_own_options():
    config = DescribeConfig.model_validate({"describer": {"describer": "own_annotators:Count", "noun": "pictures"}})
    clip = Clip(np.arange(4 * 8 * 8 * 4, dtype=np.uint8).reshape(4, 8, 8, 4) | 255, np.full(4, 50, np.int32), 0, "apng")
    (outcome,) = DescribeStage(config).process(Batch([{}], [encode(clip, "apng")]))
    assert outcome["description"].endswith(" pictures") and outcome["description_source"] == "count"
    assert config.model_dump(mode="json") == {"describer": {"describer": "own_annotators:Count", "noun": "pictures"}}


def test_an_engine_of_ones_own_captions_with_its_own_options():
    config = CaptionConfig.model_validate({"engine": {"engine": "own_annotators:Shout", "mark": "?!"}})
    stage = CaptionStage(config)
    stage.setup()
    (outcome,) = stage.process(Batch([{"description": "it moves"}]))
    assert outcome["caption"].startswith("IT MOVES") and outcome["caption_source"] == "shout"
    assert stage.model_versions() == {"shout": "1"}


@pytest.mark.parametrize(
    ("config", "values", "where", "message"),
    [
        (DescribeConfig, {"describer": "mesured"}, ("describer",), "did you mean 'measured'"),
        (DescribeConfig, {"describer": {"max_colours": 9}}, ("describer", "max_colours"), "less than or equal to 5"),
        (DescribeConfig, {"describer": "own_annotators:Shout"}, ("describer",), "is not a describer"),
        (CaptionConfig, {"engine": {"engine": "vlm"}}, ("engine",), "did you mean 'vllm'"),
        (CaptionConfig, {"engine": {"engine": "openai"}}, ("engine", "model"), "required"),
        (
            CaptionConfig,
            {"chinese": {"engine": {"engine": "own_annotators:Shout", "mark": "!!!!"}}},
            ("chinese", "engine", "mark"),
            "at most 3",
        ),
    ],
)
def test_a_wrong_option_is_refused_with_its_path(config, values, where, message):
    with pytest.raises(ValidationError, match=message) as refusal:
        config.model_validate(values)
    assert [error["loc"] for error in refusal.value.errors()] == [where]


@pytest.mark.parametrize(("registry", "key"), [(DESCRIBERS, "describer"), (ENGINES, "engine")])
def test_each_config_names_its_component_itself(registry, key):
    for name, path in registry.items():
        field = load(path).Config.model_fields[key]
        assert (field.annotation, field.default) == (str, name)


def test_a_name_alone_stands_for_the_component_with_its_defaults():
    config = CaptionConfig.model_validate({"engine": "vllm", "chinese": {"engine": "fake"}})
    assert (config.engine.engine, config.chinese.engine.engine) == ("vllm", "fake")
    assert CaptionConfig.model_validate({}) == CaptionConfig.model_validate({"engine": {"engine": "transformers"}})
    assert DescribeConfig.model_validate({}).describer.describer == "measured"


ON = {"model": "./weights"}
ASKED = {"describer": "vision", "static": {**ON, "question": "?", "num_frames": 1}}


@pytest.mark.parametrize(
    ("config", "values", "other"),
    [
        (CaptionConfig, {"engine": {"batch_size": 2}}, {"engine": {"batch_size": 4}}),
        (
            CaptionConfig,
            {"engine": {"device": "cpu", "dtype": "float32"}},
            {"engine": {"device": "cuda:1", "dtype": "float32"}},
        ),
        (CaptionConfig, {"engine": {"device": "cpu"}}, {"engine": {"device": "cpu", "dtype": "float32"}}),
        (
            CaptionConfig,
            {"engine": {"engine": "vllm"}},
            {"engine": {"engine": "vllm", "tensor_parallel_size": 2, "gpu_memory_utilization": 0.5}},
        ),
        (CaptionConfig, {"engine": {"engine": "vllm"}}, {"engine": {"engine": "vllm", "enforce_eager": True}}),
        (CaptionConfig, {"chinese": {"engine": {"batch_size": 2}}}, {"chinese": {"engine": {"batch_size": 4}}}),
        (
            DescribeConfig,
            {"describer": {**ASKED, "device": "mps"}},
            {"describer": {**ASKED, "device": "cuda"}},
        ),
        (UnsafeConfig, {**ON, "device": "cpu"}, {**ON, "device": "cuda"}),
        (OcrConfig, {"detection_folder": "/a"}, {"detection_folder": "/b"}),
        (OcrConfig, {"recognition_folder": "/a"}, {"recognition_folder": "/b"}),
        (DomainConfig, {"head": "/a"}, {"head": "/b"}),
    ],
)
def test_what_cannot_change_the_output_is_no_part_of_the_identity(config: type[StageConfig], values: dict, other: dict):
    one, two = (config.model_validate(each) for each in (values, other))
    assert one != two and one.output_fields() == two.output_fields()


@pytest.mark.parametrize(
    ("config", "values", "other"),
    [
        (CaptionConfig, {"engine": {"device": "cpu"}}, {"engine": {"device": "cuda"}}),  # bfloat16 there
        (CaptionConfig, {"engine": "transformers"}, {"engine": {"dtype": "float16"}}),
        (DescribeConfig, {"describer": ASKED}, {"describer": {**ASKED, "dtype": "float16"}}),
        (DescribeConfig, {"describer": "measured"}, {"describer": {"max_words": 3}}),
    ],
)
def test_what_can_change_the_output_is_part_of_the_identity(config: type[StageConfig], values: dict, other: dict):
    one, two = (config.model_validate(each) for each in (values, other))
    assert one.output_fields() != two.output_fields()


def test_the_annotations_are_importable_for_configs_of_ones_own():
    class Config(StageConfig):
        engine: ChosenEngine = Field(default="fake", validate_default=True)
        describer: ChosenDescriber = Field(default="measured", validate_default=True)

    assert Config().engine.engine == "fake" and Config().describer.describer == "measured"
