"""Text engines: prompts in, texts out. One file each; nothing heavy is imported before an engine starts."""

from typing import Annotated

from pydantic import Field

from vsd2m.annotate.engines.base import TextEngine
from vsd2m.annotate.engines.fake import FakeConfig
from vsd2m.annotate.engines.openai import OpenAIConfig
from vsd2m.annotate.engines.transformers import TransformersConfig
from vsd2m.annotate.engines.vllm import VllmConfig
from vsd2m.core.registry import component

ENGINES: dict[str, str] = {
    "fake": "vsd2m.annotate.engines.fake:FakeEngine",
    "openai": "vsd2m.annotate.engines.openai:OpenAIEngine",
    "transformers": "vsd2m.annotate.engines.transformers:TransformersEngine",
    "vllm": "vsd2m.annotate.engines.vllm:VllmEngine",
}

EngineConfig = Annotated[
    TransformersConfig | OpenAIConfig | VllmConfig | FakeConfig,
    Field(discriminator="engine"),
]


def make_engine(config: TransformersConfig | OpenAIConfig | VllmConfig | FakeConfig) -> TextEngine:
    """The engine that `config.engine` names, not yet started."""
    engine: TextEngine = component(ENGINES, config.engine, kind="engine", base=TextEngine)(config)
    return engine
