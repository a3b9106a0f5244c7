"""The analysis as text: who was counted, and a table of every question."""

from collections.abc import Iterator

from vsd2m.labelling.preference.questions import ASPECTS
from vsd2m.labelling.preference.results.analysis import Analysis
from vsd2m.labelling.preference.results.choices import ChoiceResult
from vsd2m.labelling.preference.results.ratings import AspectResult
from vsd2m.labelling.statistics.estimate import Estimate

MIN_LABELLERS = 9
ASPECT_NAMES = {aspect.name: aspect.text for aspect in ASPECTS}


def as_text(analysis: Analysis) -> str:
    """Markdown: who was counted, then a table per question."""
    tables = [_choice_table(result) for result in analysis.choices]
    if analysis.ratings:
        tables.append(_rating_table(analysis.ratings, analysis.models))
    return "\n\n".join(["\n".join(who_was_counted(analysis)), *tables]) + "\n"


def who_was_counted(analysis: Analysis) -> list[str]:
    """Sentences about labellers, those excluded with the reason, balance, and the kind of intervals."""
    excluded = [entry for entry in analysis.attention if entry.excluded]
    low, high = analysis.answers_per_prompt
    num_counted = len(analysis.attention) - len(excluded)
    sentences = [f"{num_counted} labellers counted, {len(excluded)} excluded."]
    if num_counted < MIN_LABELLERS:
        sentences.append(f"Fewer than {MIN_LABELLERS}: too few for conclusions about other people.")
    sentences += [
        f"Excluded: {entry.labeller}, who passed {entry.num_passed} of {entry.num_checks} attention checks "
        f"(at least {analysis.config.min_checks_passed:.0%} are required)."
        for entry in excluded
    ]
    if excluded:
        sentences.append(f"{analysis.num_left_out} of their answers are not included below.")
    if analysis.choices:
        sentences.append(f"Each prompt was judged by {low if low == high else f'{low} to {high}'} of those counted.")
    sentences.append(
        f"Intervals: 95 %, bootstrap over labellers and prompts, {analysis.config.num_resamples} resamples."
    )
    return sentences


def alpha_text(alpha: float | None) -> str:
    """Krippendorff's alpha to three places, or that there is none."""
    return "not defined (nothing judged twice, or only one answer)" if alpha is None else f"{alpha:.3f}"


def notes(result: ChoiceResult) -> Iterator[str]:
    """Notes below the question's table."""
    yield f"{result.num_choices} choices; by chance a model is chosen in {result.chance:.1%}."
    if result.same_choice is not None:
        yield f"Two labellers chose the same sticker in {result.same_choice:.1%} of pairs."
    kappa = "" if result.kappa is None else f", Fleiss' kappa: {result.kappa:.3f}"
    yield (
        f"Krippendorff's alpha (nominal): {alpha_text(result.alpha)}{kappa}. They are also near 0 if all labellers "
        "prefer the same models and prompts do not differ."
    )
    yield f"Choices by position from the left: {', '.join(f'{share:.1%}' for share in result.by_place)}."
    if result.has_prior:
        yield (
            "Some models always won against others: the likelihood has no maximum, "
            "and a weak prior keeps the strengths finite."
        )


def _choice_table(result: ChoiceResult) -> str:
    lines = [f"Best {result.question}", "", "| model | win rate | strength |", "| --- | --- | --- |"]
    ordered = sorted(result.models, key=lambda entry: -entry.strength.value)
    lines += [f"| {e.model} | {_cell(e.win_rate, '.1%')} | {_cell(e.strength, '+.2f')} |" for e in ordered]
    return "\n".join([*lines, "", *notes(result)])


def _rating_table(results: list[AspectResult], models: list[str]) -> str:
    lines = [
        "Ratings from 1 to 5",
        "",
        f"| aspect | {' | '.join(models)} | alpha |",
        "| --- " * (len(models) + 2) + "|",
    ]
    for result in results:
        cells = [_cell(entry.mean, ".2f") if entry.mean else "-" for entry in result.models]
        lines.append(f"| {ASPECT_NAMES[result.aspect]} | {' | '.join(cells)} | {alpha_text(result.alpha)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate, style: str) -> str:
    return f"{estimate.value:{style}} [{estimate.low:{style}}, {estimate.high:{style}}]"
