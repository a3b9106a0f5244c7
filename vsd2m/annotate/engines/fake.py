"""A text engine without a model, for tests and examples."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from vsd2m.annotate.engines.base import Completion, EngineConfig, Prompt, Text, TextEngine, completion


class FakeConfig(EngineConfig):
    """Fixed answers."""

    engine: str = Field(default="fake", description="no model: fixed answers")
    reply: str | None = Field(default=None, description="the answer to every prompt; None: the last line of the prompt")


class FakeEngine(TextEngine[FakeConfig]):
    """Repeats the last line of each prompt, or a fixed reply; one word counts as one token."""

    Config: ClassVar[type[EngineConfig]] = FakeConfig

    def __init__(self, config: FakeConfig) -> None:
        super().__init__(config)
        self.requests: list[Prompt] = []

    @property
    def model_name(self) -> str:
        return "fake"

    def model_versions(self) -> dict[str, str]:
        return {"fake": "1"}

    def start(self, *, num_threads: int) -> None:
        del num_threads

    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int, stop: Sequence[str] = ()) -> list[Completion]:
        self.requests.extend(prompts)
        return [self._answer(prompt, max_new_tokens, stop) for prompt in prompts]

    def _answer(self, prompt: Prompt, max_new_tokens: int, stop: Sequence[str]) -> Completion:
        content = prompt.rest if isinstance(prompt, Text) else prompt[-1].content
        reply = content.rstrip().rsplit("\n", 1)[-1] if self.config.reply is None else self.config.reply
        words = reply.split(" ")
        finished = len(words) <= max_new_tokens
        return completion(" ".join(words[:max_new_tokens]), stop=stop, finished=finished)
