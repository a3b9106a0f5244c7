"""The whole analysis of a study: `analyse(responses)`."""

from collections import Counter
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from vsd2m.core.errors import ConfigError
from vsd2m.labelling.preference.questions import ASPECTS, BEST_OF
from vsd2m.labelling.preference.responses import Responses
from vsd2m.labelling.preference.results.attention import Attention, judge_attention
from vsd2m.labelling.preference.results.choices import ChoiceResult, analyse_choices
from vsd2m.labelling.preference.results.ratings import AspectResult, analyse_ratings


class AnalysisConfig(BaseModel):
    """How responses are evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_checks_passed: float = Field(
        0.75, ge=0, le=1, description="Labellers who passed a smaller share of their attention checks are left out."
    )
    num_resamples: int = Field(1000, ge=100, description="Bootstrap resamples per interval.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")


@dataclass(frozen=True)
class Analysis:
    """Results of the questions that were answered; `attention` lists every labeller.

    `answers_per_prompt`: smallest and largest number of labellers, of those counted, who chose at a prompt.
    """

    config: AnalysisConfig
    models: list[str]
    attention: list[Attention]
    num_left_out: int
    answers_per_prompt: tuple[int, int]
    choices: list[ChoiceResult]
    ratings: list[AspectResult]


def analyse(responses: Responses, config: AnalysisConfig) -> Analysis:
    """Excludes inattentive labellers and analyses every question; `ConfigError` if no answers remain."""
    attention = judge_attention(responses.labellers, responses.checks, min_passed=config.min_checks_passed)
    excluded = frozenset(entry.labeller for entry in attention if entry.excluded)
    counted_responses = responses.without(excluded)
    if not counted_responses.choices and not counted_responses.ratings:
        raise ConfigError(
            f"there are no answers to analyse ({len(responses.labellers)} labellers, {len(excluded)} of them left out "
            "for failed attention checks); serve the study and let people answer"
        )
    models = responses.models
    settings = {"num_resamples": config.num_resamples, "seed": config.seed}
    by_question = [(q.name, [c for c in counted_responses.choices if c.question == q.name]) for q in BEST_OF]
    by_aspect = [(a.name, [r for r in counted_responses.ratings if r.aspect == a.name]) for a in ASPECTS]
    everything = len(responses.choices) + len(responses.ratings)
    per_prompt = Counter(prompt for _, prompt in {(c.labeller, c.prompt) for c in counted_responses.choices}).values()
    return Analysis(
        config=config,
        models=list(models),
        attention=attention,
        num_left_out=everything - len(counted_responses.choices) - len(counted_responses.ratings),
        answers_per_prompt=(min(per_prompt, default=0), max(per_prompt, default=0)),
        choices=[
            analyse_choices(name, question_responses, models, **settings)
            for name, question_responses in by_question
            if question_responses
        ],
        ratings=[
            analyse_ratings(name, question_responses, models, **settings)
            for name, question_responses in by_aspect
            if question_responses
        ],
    )
