"""The settings of a study, fixed when it is created."""

from pydantic import BaseModel, ConfigDict, Field


class StudyConfig(BaseModel):
    """How many stickers a labeller sees, in which arrangement, and how often attention is checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field("Which sticker is better?", min_length=1, max_length=120, description="Heading of the page.")
    stickers_per_choice: int = Field(
        4, ge=2, le=9, description="Stickers side by side, each by a different model; fewer if there are fewer models."
    )
    prompts_per_labeller: int | None = Field(
        None, ge=1, description="Prompts that one labeller sees; None: every labeller sees all of them."
    )
    rated_per_prompt: int = Field(
        1, ge=0, description="Stickers of each prompt whose five aspects a labeller rates; 0: no ratings."
    )
    trials_per_check: int = Field(
        10, ge=0, description="Trials per attention check, at least one check in each part; 0: no checks."
    )
    seed: int = Field(0, ge=0, description="Seed of the arrangement only.")
