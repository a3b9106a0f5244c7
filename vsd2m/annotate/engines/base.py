"""What a text engine is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from vsd2m.core.stage import StageConfig

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation. `opening`: what `content` begins with in many conversations."""

    role: Role
    content: str
    opening: str = ""


@dataclass(frozen=True)
class Text:
    """A text to be continued as it stands: `shared` and `own` joined. `shared` is the same for many prompts
    (worked examples), so an engine may compute it once."""

    own: str
    shared: str = ""


Chat = tuple[Message, ...]
"""A conversation the model answers through its chat template. All turns but the last, and the opening of the last,
may be computed once for many."""

Prompt = Text | Chat


@dataclass(frozen=True)
class Completion:
    """A continuation, without the prompt and cut before the stop text; `finished` is False where the tokens ran out."""

    text: str
    finished: bool


class EngineConfig(StageConfig):
    """Base of every engine's config, which stands inside a stage's config."""

    engine: str = Field(description="the engine's registry name, or `module:Class` of your own")

    @property
    def num_gpus(self) -> float:
        """GPUs a worker asks the cluster for: none, unless the engine says otherwise."""
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
        """What stands in the data's `*_source` columns."""

    @abstractmethod
    def model_versions(self) -> dict[str, str]:
        """What pins the outputs (digests of weights, revisions), known without loading the model."""

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
    """`text` up to the first occurrence of any of the `stop` texts; `finished` is for where there is none."""
    found = [position for piece in stop if (position := text.find(piece)) >= 0]
    return Completion(text[: min(found)], True) if found else Completion(text, finished)


def as_text(prompt: Prompt) -> str:
    """A prompt as one text, for caches and fakes."""
    if isinstance(prompt, Text):
        return prompt.shared + prompt.own
    return "\n".join(f"{message.role}: {message.content}" for message in prompt)
