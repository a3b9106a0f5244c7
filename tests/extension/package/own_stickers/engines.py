"""Answers with the last line of the prompt, and a mark behind it."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from vsd2m.annotate.engines.base import Completion, EngineConfig, Prompt, TextEngine, as_text
from vsd2m.core.stage import neutral


class EchoConfig(EngineConfig):
    prefix: str = Field("", description="put before the answer")
    num_workers: int = neutral(1, ge=1, description="cannot change an answer")


class EchoEngine(TextEngine[EchoConfig]):
    """Needs no model."""

    Config: ClassVar[type[EngineConfig]] = EchoConfig

    @property
    def model_name(self) -> str:
        return "echo"

    def model_versions(self) -> dict[str, str]:
        return {"echo": "1"}

    def start(self, *, num_threads: int) -> None:
        del num_threads

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int, stop: Sequence[str] = ()) -> list[Completion]:
        return [self._answer(prompt) for prompt in prompts]

    def _answer(self, prompt: Prompt) -> Completion:
        line = as_text(prompt).rstrip().rsplit("\n", 1)[-1].strip()
        return Completion(f"{self.config.prefix}{line}", finished=True)
