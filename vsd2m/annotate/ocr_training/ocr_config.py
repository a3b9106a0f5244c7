"""The configuration of fine-tuning the text recogniser."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class OcrTrainingConfig(BaseModel):
    """The training lines, the length of the training, and the held-out lines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lines: str = Field(min_length=1, description="folder of pictures and labels.txt (`picture<TAB>text`)")
    out: str = Field(min_length=1, description="new folder for the trained recogniser")
    held_out: str | None = Field(
        None, min_length=1, description="folder of held-out lines; default: a share of the texts in `lines`"
    )
    held_out_share: float = Field(
        0.1, gt=0, lt=1, description="share of the texts that is held out, without `held_out`"
    )
    num_steps: int = Field(100, ge=1, le=1_000_000, description="training steps (batches)")
    batch_size: int = Field(16, ge=1, le=1024, description="lines per batch")
    learning_rate: float = Field(5e-5, gt=0, le=1e-2, description="highest learning rate, after the warm-up")
    num_warmup_steps: int = Field(5, ge=0, description="warm-up steps")
    weight_decay: float = Field(1e-4, ge=0, le=1, description="weight decay of AdamW")
    max_gradient_norm: float = Field(5.0, gt=0, description="gradients are clipped to this norm")
    max_width: int = Field(960, ge=320, le=3200, description="wider lines (pixels at height 48) are ignored")
    seed: int = Field(0, ge=0, description="seed of the order of the lines and of the held-out lines")
    num_threads: int = Field(
        1, ge=1, le=256, description="threads of ONNX Runtime; Paddle's are set by OMP_NUM_THREADS"
    )

    @model_validator(mode="after")
    def _judges_by_other_lines(self) -> Self:
        if self.held_out == self.lines:
            raise ValueError(f"held_out is the training folder {self.lines}: give another folder, or none")
        return self
