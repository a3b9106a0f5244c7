"""The caption stage: a language model's summary of the description, in English and, if configured, in Chinese."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import Field

from vsd2m.annotate.caption_parsing import NoCaptionError, caption_from, check_against, chinese_from, with_text
from vsd2m.annotate.caption_prompts import (
    SUMMARY_INSTRUCTION,
    SUSPECT_WORDS,
    TRANSLATION_EXAMPLES,
    summary_prompt,
    translation_prompt,
)
from vsd2m.annotate.engines import ChosenEngine, make_engine
from vsd2m.annotate.engines.base import Completion, TextEngine
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, Resources, StageConfig, StageSpec, StickerStage

COLUMNS = (
    Column("caption", pa.string(), "English summary", in_json=True, in_samples=True),
    Column("caption_source", pa.string(), "model that wrote the caption", in_json=True),
    Column(
        "caption_zh", pa.string(), "Chinese summary; None: not configured or unavailable", in_json=True, in_samples=True
    ),
    Column("caption_zh_source", pa.string(), "model that wrote it, or `absent: REASON`", in_json=True),
)


class ChineseConfig(StageConfig):
    """How the English caption is translated into Chinese, with worked examples."""

    engine: ChosenEngine = Field(
        default={"engine": "transformers", "model": "gemma3-270m"},
        validate_default=True,
        description="the engine that translates",
    )
    max_new_tokens: int = Field(default=64, description="longest translation, in tokens", ge=8, le=1024)


class CaptionConfig(StageConfig):
    """Which language model writes the captions, and how long they may be."""

    engine: ChosenEngine = Field(
        default="transformers", validate_default=True, description="the engine that writes the summary"
    )
    examples: bool = Field(
        default=True, description="show the model worked examples before the description; small models need them"
    )
    max_new_tokens: int = Field(default=48, description="longest answer, in tokens", ge=8, le=1024)
    max_sentences: int = Field(default=1, description="whole sentences of the answer to keep", ge=1, le=5)
    chinese: ChineseConfig | None = Field(default=None, description="write a Chinese caption too; null: do not")


class CaptionStage(StickerStage[CaptionConfig]):
    """Writes `caption`, `caption_zh` and the source of each.

    An answer that is not a caption (empty, a repeated instruction, repeated phrases, invented colours) is replaced by
    the description, and `caption_source` says so. If an answer omits the text on the sticker, that text is appended,
    and the source ends in `+text`. An unavailable Chinese caption is None, and its source states the reason.
    """

    Config = CaptionConfig

    def __init__(self, config: CaptionConfig) -> None:
        super().__init__(config)
        self._engine = make_engine(config.engine)
        self._translator = make_engine(config.chinese.engine) if config.chinese else None

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name="caption",
            version=3,
            reads=("description",),
            columns=COLUMNS,
            batch_size=256,
            resources=Resources(num_cpus=2, num_gpus=self._num_gpus()),
        )

    def _num_gpus(self) -> float:
        chinese = self.config.chinese
        return self.config.engine.num_gpus + (chinese.engine.num_gpus if chinese else 0.0)

    def model_versions(self) -> dict[str, str]:
        translator = self._translator.model_versions() if self._translator else {}
        return {**self._engine.model_versions(), **translator}

    def packages(self) -> Mapping[str, str]:
        return {module: extra for engine in self._engines() for module, extra in engine.packages().items()}

    def missing(self) -> list[str]:
        return [sentence for engine in self._engines() for sentence in engine.missing()]

    def _engines(self) -> list[TextEngine[Any]]:
        return [engine for engine in (self._engine, self._translator) if engine is not None]

    def seconds_per_sticker(self) -> float:
        return 0.5 if self._translator is None else 1.0

    def setup(self) -> None:
        for engine in self._engines():
            engine.start(num_threads=self.spec.resources.num_cpus)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        descriptions = [str(row["description"]) for row in batch.rows]
        english = self._summarise(descriptions)
        chinese = self._translate([caption for caption, _ in english])
        return [
            {"caption": caption, "caption_source": source, "caption_zh": translated, "caption_zh_source": translator}
            for (caption, source), (translated, translator) in zip(english, chinese, strict=True)
        ]

    def _summarise(self, descriptions: Sequence[str]) -> list[tuple[str, str]]:
        prompts = [summary_prompt(text, with_examples=self.config.examples) for text in descriptions]
        answers = self._engine.generate(prompts, max_new_tokens=self.config.max_new_tokens, stop=self._stop())
        return [self._caption(answer, text) for answer, text in zip(answers, descriptions, strict=True)]

    def _stop(self) -> tuple[str, ...]:
        return ("\n", ". ", "! ", "? ") if self.config.max_sentences == 1 else ("\n",)

    def _caption(self, answer: Completion, description: str) -> tuple[str, str]:
        try:
            caption = caption_from(answer, prompt=SUMMARY_INSTRUCTION, max_sentences=self.config.max_sentences)
            check_against(caption, description=description, suspects=SUSPECT_WORDS)
        except NoCaptionError as reason:
            return description, f"description: {reason}"
        complete = with_text(caption, description=description)
        return complete, self._engine.model_name if complete == caption else f"{self._engine.model_name}+text"

    def _translate(self, captions: Sequence[str]) -> list[tuple[str | None, str]]:
        if self._translator is None or self.config.chinese is None:
            return [(None, "absent: not asked for (config: chinese)")] * len(captions)
        prompts = [translation_prompt(caption) for caption in captions]
        answers = self._translator.generate(prompts, max_new_tokens=self.config.chinese.max_new_tokens, stop=("\n",))
        return [self._translation(answer, text) for answer, text in zip(answers, captions, strict=True)]

    def _translation(self, answer: Completion, english: str) -> tuple[str | None, str]:
        assert self._translator is not None
        try:
            chinese = chinese_from(answer, english=english)
            if (english, chinese) not in TRANSLATION_EXAMPLES and chinese in dict(TRANSLATION_EXAMPLES).values():
                raise NoCaptionError("the model repeated a worked example")
            return chinese, self._translator.model_name
        except NoCaptionError as reason:
            return None, f"absent: {reason}"
