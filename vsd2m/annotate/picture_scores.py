"""Stages that score a sticker with an image classifier: any that transformers loads with its image processor.

No package index distributes such weights, so these stages only run if a config names a classifier.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vsd2m.annotate.engines.quiet import TRANSFORMERS_PACKAGES, load_transformers
from vsd2m.annotate.engines.weights import ModelReference, OnDevice, one_line
from vsd2m.core.errors import EngineError
from vsd2m.core.schema import Column
from vsd2m.core.stage import Batch, Columns, Drop, Resources, StageSpec, StickerStage
from vsd2m.media.decode import decode
from vsd2m.media.frame_indices import flatten, middle_indices


class PictureScoreConfig(OnDevice, ModelReference):
    """The classifier, the labels that count, and the number of frames."""

    model: str = Field(
        description="a folder with an image classifier (config.json, preprocessor_config.json, weights), or a name on "
        "the hub together with `revision`",
        min_length=1,
    )
    labels: tuple[str, ...] = Field(min_length=1, description="labels whose probabilities are added to give the score")
    max_frames: int = Field(
        4, ge=1, le=64, description="frames classified, spread over the clip; the highest score counts"
    )


C = TypeVar("C", bound=PictureScoreConfig)


class PictureScoreStage(StickerStage[C], Generic[C]):
    """Writes one column: the greatest summed probability of the configured labels over the classified frames."""

    columns: ClassVar[tuple[Column, ...]]
    """The one column written, NAME_score."""

    @property
    def column(self) -> str:
        return self.columns[0].name

    @property
    def spec(self) -> StageSpec:
        return StageSpec(
            name=self.column.removesuffix("_score"),
            version=1,
            reads=(),
            columns=self.columns,
            reads_media=True,
            batch_size=32,
            resources=Resources(num_cpus=1, num_gpus=self.config.num_gpus),
        )

    def model_versions(self) -> dict[str, str]:
        return self.config.versions()

    def packages(self) -> Mapping[str, str]:
        return TRANSFORMERS_PACKAGES

    def missing(self) -> list[str]:
        return self.config.missing()

    def seconds_per_sticker(self) -> float:
        return 0.1 * self.config.max_frames

    def setup(self) -> None:
        self._classifier = load_classifier(self.config, num_threads=self.spec.resources.num_cpus)

    def process(self, batch: Batch) -> list[Columns | Drop]:
        return [{self.column: self._score(data)} for data in batch.media]

    def _score(self, data: bytes) -> float:
        frames = decode(data).frames
        chosen = flatten(frames[middle_indices(len(frames), min(len(frames), self.config.max_frames))])
        return round(max(self._classifier.probability(picture) for picture in chosen), 4)


class Classifier:
    """A loaded image classifier and the indices of the labels that count."""

    def __init__(self, network: Any, processor: Any, indices: list[int]) -> None:
        self._network = network
        self._processor = processor
        self._indices = indices

    def probability(self, picture: NDArray[np.uint8]) -> float:
        """The summed probability, 0..1, of the labels, for an opaque RGB picture uint8 [H, W, 3]."""
        import torch

        inputs = self._processor(images=picture, input_data_format="channels_last", return_tensors="pt")
        inputs = inputs.to(self._network.device)
        with torch.inference_mode():
            (logits,) = self._network(**inputs).logits
        return float(logits.double().softmax(dim=0)[self._indices].sum())


def load_classifier(config: PictureScoreConfig, *, num_threads: int) -> Classifier:
    """The network in evaluation mode; `EngineError` if it cannot be loaded or has none of the labels."""
    transformers, torch = load_transformers()
    torch.set_num_threads(num_threads)
    location, revision = config.location(), config.revision or "main"
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(location, revision=revision)
        network = transformers.AutoModelForImageClassification.from_pretrained(
            location,
            revision=revision,
            dtype=torch.float32,  # independent of the type the weights were saved in
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise EngineError(f"transformers cannot load the classifier {config.model!r}: {one_line(error)}") from error
    names = {index: str(name).casefold() for index, name in network.config.id2label.items()}
    labels = {label.casefold() for label in config.labels}
    indices = [index for index, name in names.items() if name in labels]
    if not indices:
        raise EngineError(
            f"the classifier {config.model!r} has none of the labels {', '.join(config.labels)}; "
            f"it has {', '.join(sorted(names.values())[:20])}: name the right ones in `labels`"
        )
    return Classifier(network.eval().to(config.device), processor, indices)
