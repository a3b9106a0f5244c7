"""Descriptions by vision-language models: one describes the picture, the same or another describes the motion.

The paper describes static features with LLaVA from one frame and dynamic features with Video-LLaMA from several
(section 3.2). Any image-text or video-text model that transformers loads can be used: LLaVA, LLaVA-OneVision,
VideoLLaMA 3, SmolVLM, Qwen-VL.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vsd2m.annotate.describers.base import Describer, DescriberConfig, Sighting
from vsd2m.annotate.engines.quiet import TRANSFORMERS_PACKAGES, load_transformers
from vsd2m.annotate.engines.weights import ModelReference, WithPrecision, one_line
from vsd2m.core.errors import EngineError
from vsd2m.media.frame_indices import flatten, time_indices

Pixels = NDArray[np.uint8]


class VisionModel(ModelReference):
    """One vision-language model, its frames and its question."""

    model: str = Field(
        description="a folder with a vision-language model and its processor (a path that starts with /, ./, ../ or "
        "~), or a name on the hub together with `revision`",
        min_length=1,
    )
    question: str = Field(description="text of the prompt, after the frames", min_length=1)
    num_frames: int = Field(description="frames in the prompt, at equal steps of the playing time", ge=1, le=64)
    frames_as: Literal["images", "video"] = Field(
        default="images", description="whether several frames are passed as images or as one video"
    )


class VisionConfig(WithPrecision, DescriberConfig):
    """The models for the static and the dynamic part, and how they run."""

    describer: str = Field(default="vision", description="written by vision-language models")
    static: VisionModel = Field(description="describes what the sticker shows; LLaVA in the paper")
    dynamic: VisionModel | None = Field(
        default=None, description="describes how it moves; Video-LLaMA in the paper; null: no dynamic part"
    )
    max_new_tokens: int = Field(default=96, description="longest answer, in tokens", ge=1, le=2048)


class VisionDescriber(Describer[VisionConfig]):
    """Greedy decoding, one sticker at a time, so an answer is independent of the batch. Stills get no dynamic part."""

    Config: ClassVar[type[DescriberConfig]] = VisionConfig

    @property
    def source(self) -> str:
        return " + ".join(dict.fromkeys(role.short_name for role in self._roles()))

    def model_versions(self) -> dict[str, str]:
        return {name: version for role in self._roles() for name, version in role.versions().items()}

    def packages(self) -> Mapping[str, str]:
        return TRANSFORMERS_PACKAGES

    def missing(self) -> list[str]:
        return [sentence for role in self._roles() for sentence in role.missing()]

    def start(self, *, num_threads: int) -> None:
        self._models = {location: self._load(location, num_threads) for location in self._locations()}

    def describe(self, sightings: Sequence[Sighting]) -> list[str]:
        return [self._describe(sighting) for sighting in sightings]

    def _describe(self, sighting: Sighting) -> str:
        roles = self._roles() if len(sighting.frames) > 1 else [self.config.static]
        return " ".join(filter(None, (self._answer(role, sighting) for role in roles)))

    def _answer(self, role: VisionModel, sighting: Sighting) -> str:
        indices = time_indices(sighting.durations_ms, role.num_frames)
        model = self._models[role.location(), role.revision or "main"]
        answer = model.answer(flatten(sighting.frames[indices]), role.question, video=role.frames_as == "video")
        return whole_sentences(answer)

    def _roles(self) -> list[VisionModel]:
        config = self.config
        return [config.static] if config.dynamic is None else [config.static, config.dynamic]

    def _locations(self) -> set[tuple[str, str]]:
        return {(role.location(), role.revision or "main") for role in self._roles()}

    def _load(self, location: tuple[str, str], num_threads: int) -> "LoadedModel":
        config = self.config
        return load_model(
            *location,
            dtype=config.precision,
            device=config.device,
            num_threads=num_threads,
            max_new_tokens=config.max_new_tokens,
        )


class LoadedModel:
    """A vision-language model with its processor, ready to answer."""

    def __init__(self, network: Any, processor: Any, max_new_tokens: int) -> None:
        self._network = network
        self._processor = processor
        self._max_new_tokens = max_new_tokens

    def answer(self, frames: Pixels, question: str, *, video: bool) -> str:
        """The model's answer to `question` about opaque RGB frames uint8 [T, H, W, 3]."""
        import torch

        media: list[Any] = [{"type": "video"}] if video else [{"type": "image"}] * len(frames)
        turn = [{"role": "user", "content": [*media, {"type": "text", "text": question}]}]
        prompt = self._processor.apply_chat_template(turn, add_generation_prompt=True)
        pictures: dict[str, Any] = (
            {"videos": [frames], "do_sample_frames": False} if video else {"images": list(frames)}
        )
        inputs = self._processor(text=[prompt], return_tensors="pt", **pictures)
        inputs = inputs.to(self._network.device, dtype=self._network.dtype)
        with torch.inference_mode():
            output = self._network.generate(**inputs, max_new_tokens=self._max_new_tokens, do_sample=False)
        new = output[:, inputs["input_ids"].shape[1] :]
        return str(self._processor.batch_decode(new, skip_special_tokens=True)[0])


def load_model(
    location: str, revision: str, *, dtype: str, device: str, num_threads: int, max_new_tokens: int
) -> LoadedModel:
    """The model in evaluation mode; `EngineError` if it cannot be loaded or its processor has no chat template."""
    transformers, torch = load_transformers()
    torch.set_num_threads(num_threads)
    try:
        processor = transformers.AutoProcessor.from_pretrained(location, revision=revision)
        network = transformers.AutoModelForImageTextToText.from_pretrained(
            location, revision=revision, dtype=getattr(torch, dtype)
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise EngineError(f"transformers cannot load {location!r} as an image-text model: {one_line(error)}") from error
    if not getattr(processor, "chat_template", None):
        raise EngineError(
            f"model {location!r} has no chat template, so it cannot answer questions: choose an instruction-tuned model"
        )
    return LoadedModel(network.eval().to(device), processor, max_new_tokens)


def whole_sentences(answer: str) -> str:
    """`answer` in one line, without an incomplete last sentence; all of it if no sentence is complete."""
    line = " ".join(answer.split())
    end = max(line.rfind(mark) for mark in ".!?。！？")
    return line[: end + 1] if end >= 0 else line
