"""Text engines: prompts in, texts out. One file each; nothing heavy is imported before an engine starts."""

from typing import Annotated, Any

from vsd2m.annotate.engines.base import EngineConfig, TextEngine
from vsd2m.core.registry import Chosen, component

ENGINES: dict[str, str] = {
    "fake": "vsd2m.annotate.engines.fake:FakeEngine",
    "openai": "vsd2m.annotate.engines.openai:OpenAIEngine",
    "transformers": "vsd2m.annotate.engines.transformers:TransformersEngine",
    "vllm": "vsd2m.annotate.engines.vllm:VllmEngine",
}

ChosenEngine = Annotated[
    EngineConfig, Chosen(ENGINES, "engine", "vsd2m.annotate.engines.base:TextEngine", default="transformers")
]
"""A config field that holds an engine with its options."""


def make_engine(config: EngineConfig) -> TextEngine[Any]:
    """The engine that `config.engine` names, not yet started."""
    engine: TextEngine[Any] = component(ENGINES, config.engine, kind="engine", base=TextEngine)(config)
    return engine
