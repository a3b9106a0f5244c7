"""What the stages ask a cluster for: a worker that was given no GPU does not see one."""

import pytest

from vsd2m.annotate.caption import CaptionConfig, CaptionStage
from vsd2m.annotate.describe import DescribeConfig, DescribeStage
from vsd2m.annotate.unsafe import UnsafeConfig, UnsafeStage

ON_GPU = {"model": "./weights", "device": "cuda"}


@pytest.mark.parametrize(
    ("engine", "num_gpus"),
    [
        ({"engine": "transformers"}, 0),
        ({"engine": "transformers", "device": "cuda:1"}, 1),
        ({"engine": "vllm"}, 1),
        ({"engine": "vllm", "tensor_parallel_size": 4}, 4),
        ({"engine": "vllm", "device": "cpu"}, 0),
        ({"engine": "openai", "model": "m"}, 0),
    ],
)
def test_the_caption_stage_asks_for_the_gpus_its_engine_uses(engine, num_gpus):
    stage = CaptionStage(CaptionConfig.model_validate({"engine": engine}))
    assert stage.spec.resources.num_gpus == num_gpus


def test_two_engines_on_gpus_ask_for_both():
    on_gpu = {"engine": "transformers", "device": "cuda"}
    config = CaptionConfig.model_validate({"engine": on_gpu, "chinese": {"engine": on_gpu}})
    assert CaptionStage(config).spec.resources.num_gpus == 2


def test_models_of_pictures_on_a_gpu_ask_for_it():
    asked = {"model": "./weights", "question": "What is it?", "num_frames": 1}
    vision = {"describer": "vision", "static": asked, "device": "cuda"}
    assert DescribeStage(DescribeConfig.model_validate({"describer": vision})).spec.resources.num_gpus == 1
    assert DescribeStage(DescribeConfig()).spec.resources.num_gpus == 0
    assert UnsafeStage(UnsafeConfig.model_validate(ON_GPU)).spec.resources.num_gpus == 1
