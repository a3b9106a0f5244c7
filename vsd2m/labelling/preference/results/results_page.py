"""The analysis as one self-contained HTML page, with plots like the paper's Figures 7 and 9."""

from pathlib import Path
from typing import Any

from vsd2m.labelling.application.screens import MAX_RATING
from vsd2m.labelling.preference.questions import BEST_OF
from vsd2m.labelling.preference.results.analysis import Analysis
from vsd2m.labelling.preference.results.charts import radar, share_chart, strength_chart
from vsd2m.labelling.preference.results.choices import ChoiceResult
from vsd2m.labelling.preference.results.ratings import AspectResult
from vsd2m.labelling.preference.results.summary import ASPECT_NAMES, alpha_text, notes, who_was_counted
from vsd2m.labelling.statistics.estimate import Estimate
from vsd2m.pages.render import render
from vsd2m.pages.write import write_page

_TITLES = {question.name: question.text for question in BEST_OF}


def write_results(path: Path, title: str, analysis: Analysis) -> None:
    """Writes the page to `path`; it loads no other files."""
    write_page(path, as_html(title, analysis))


def as_html(title: str, analysis: Analysis) -> str:
    """The page: who was counted, a section per question, the five aspects, attention checks."""
    return render(
        "preference.html",
        title=title,
        counted=who_was_counted(analysis),
        choices=[_choice_section(result) for result in analysis.choices],
        ratings=_rating_section(analysis.ratings, analysis.models) if analysis.ratings else None,
        attention=[
            (entry.labeller, f"{entry.num_passed} of {entry.num_checks}", "left out" if entry.excluded else "counted")
            for entry in analysis.attention
        ],
    )


def _choice_section(result: ChoiceResult) -> dict[str, Any]:
    """The variables of the template for one question."""
    names = [entry.model for entry in result.models]
    win_rates, strengths = zip(*((entry.win_rate, entry.strength) for entry in result.models), strict=True)
    preferences = [
        [name, *("–" if i == j else f"{p:.0%}" for j, p in enumerate(result.preferred[i]))]
        for i, name in enumerate(names)
    ]
    return {
        "title": _TITLES[result.question],
        "shares": share_chart(names, win_rates, reference=result.chance, reference_name="by chance"),
        "strengths": strength_chart(names, strengths, reference=0.0, reference_name="average"),
        "preferred": [["", *names], *preferences],
        "notes": " ".join(notes(result)),
    }


def _rating_section(results: list[AspectResult], models: list[str]) -> dict[str, Any]:
    """The variables of the template for the five aspects."""
    means = [[entry.mean.value if entry.mean else None for entry in result.models] for result in results]
    aspects = [ASPECT_NAMES[result.aspect] for result in results]
    rows = [
        [name, *(_mean(entry.mean) for entry in result.models), alpha_text(result.alpha)]
        for name, result in zip(aspects, results, strict=True)
    ]
    return {
        "title": f"Five aspects, rated from 1 to {MAX_RATING}",
        "radar": radar(aspects, models, means, largest=MAX_RATING),
        "models": models,
        "rows": [["aspect", *models, "alpha (interval)"], *rows],
    }


def _mean(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
