"""The interface of text engines."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from vsd2m.core.stage import StageConfig

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation. `opening`: the beginning of `content` that many conversations share."""

    role: Role
    content: str
    opening: str = ""


@dataclass(frozen=True)
class Text:
    """A text to be continued without a chat template: `shared` followed by `rest`. Many prompts have the same `shared`
    part (worked examples), so an engine may compute it once."""

    rest: str
    shared: str = ""


Chat = tuple[Message, ...]
"""A conversation that the model answers through its chat template. An engine may compute all turns but the last, and
the opening of the last, once for many conversations."""

Prompt = Text | Chat


@dataclass(frozen=True)
class Completion:
    """A continuation, without the prompt and cut before the stop text; `finished` is False at the token limit."""

    text: str
    finished: bool


class EngineConfig(StageConfig):
    """Base of every engine's config, which is part of a stage's config."""

    engine: str = Field(description="the engine's registry name, or `module:Class` of your own")

    @property
    def num_gpus(self) -> float:
        """GPUs per worker: none, unless the engine's config says otherwise."""
        return 0.0


C = TypeVar("C", bound=EngineConfig)


class TextEngine(ABC, Generic[C]):
    """Continues prompts greedily. Construction is cheap; `start` loads or connects."""

    Config: ClassVar[type[EngineConfig]] = EngineConfig

    def __init__(self, config: C) -> None:
        self.config = config

    @property
    @abstractmethod
    def model_name(self) -> str:
        """The value of the `*_source` columns."""

    @abstractmethod
    def model_versions(self) -> dict[str, str]:
        """What identifies the outputs (digests of weights, revisions), available without loading the model."""

    def packages(self) -> Mapping[str, str]:
        """Module -> dependency group, of the optional packages it imports."""
        return {}

    def missing(self) -> list[str]:
        """Sentences about weights that this machine lacks."""
        return []

    @abstractmethod
    def start(self, *, num_threads: int) -> None:
        """Loads the model; `EngineError` says which weights are missing and how to get them."""

    @abstractmethod
    def generate(self, prompts: Sequence[Prompt], *, max_new_tokens: int, stop: Sequence[str] = ()) -> list[Completion]:
        """One continuation per prompt, in order; each ends before the first of the `stop` texts it contains."""


def completion(text: str, *, stop: Sequence[str], finished: bool) -> Completion:
    """`text` up to the first occurrence of any of the `stop` texts; `finished` applies if there is none."""
    positions = [position for piece in stop if (position := text.find(piece)) >= 0]
    return Completion(text[: min(positions)], True) if positions else Completion(text, finished)


def as_text(prompt: Prompt) -> str:
    """A prompt as one text, for caches and fakes."""
    if isinstance(prompt, Text):
        return prompt.shared + prompt.rest
    return "\n".join(f"{message.role}: {message.content}" for message in prompt)
