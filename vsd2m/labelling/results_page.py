"""The analysis as one self-contained HTML page, with plots after the paper's Figures 7 and 9."""

from html import escape
from importlib.resources import files
from pathlib import Path

from vsd2m.core.storage import Store
from vsd2m.labelling.analysis import Analysis
from vsd2m.labelling.charts import COLOURS, bars, dots, radar
from vsd2m.labelling.choices import ChoiceResult, Estimate
from vsd2m.labelling.questions import BEST_OF, MAX_RATING
from vsd2m.labelling.ratings import AspectResult
from vsd2m.labelling.summary import ASPECT_NAMES, alpha_text, notes, who_was_counted

_TITLES = {question.name: question.text for question in BEST_OF}


def write_page(path: Path, title: str, analysis: Analysis) -> None:
    """Writes the page to `path`; it loads nothing from anywhere."""
    Store(str(path.parent)).write_bytes(path.name, as_html(title, analysis).encode())


def as_html(title: str, analysis: Analysis) -> str:
    """The page: who was counted, a section per question, the five aspects, attention checks."""
    style = files("vsd2m.labelling").joinpath("results_page.css").read_text("utf-8")
    sections = [_choice_section(result) for result in analysis.choices]
    if analysis.ratings:
        sections.append(_rating_section(analysis.ratings, analysis.models))
    counted = "".join(f"<li>{escape(sentence)}</li>" for sentence in who_was_counted(analysis))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}: results</title><style>{style}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><ul>{counted}</ul>{''.join(sections)}{_attention_section(analysis)}"
        "</main></body></html>\n"
    )


def _choice_section(result: ChoiceResult) -> str:
    names = [entry.model for entry in result.models]
    shares = bars(
        names, [entry.win_rate for entry in result.models], reference=result.chance, reference_name="by chance"
    )
    strengths = dots(names, [entry.strength for entry in result.models], reference=0.0, reference_name="average")
    rows = [
        [name, *("–" if i == j else f"{p:.0%}" for j, p in enumerate(result.preferred[i]))]
        for i, name in enumerate(names)
    ]
    return (
        f"<section><h2>{escape(_TITLES[result.question])}</h2>"
        f"<h3>Share of choices</h3>{shares}<h3>Bradley-Terry strength</h3>{strengths}"
        f"<h3>Probability that the row is preferred to the column</h3>{_table(['', *names], rows)}"
        f"<p>{escape(' '.join(notes(result)))}</p></section>"
    )


def _rating_section(results: list[AspectResult], models: list[str]) -> str:
    means = [[entry.mean.value if entry.mean else None for entry in result.models] for result in results]
    aspects = [ASPECT_NAMES[result.aspect] for result in results]
    legend = "".join(f'<li><i class="m{m % COLOURS}"></i>{escape(model)}</li>' for m, model in enumerate(models))
    rows = [
        [name, *(_mean(entry.mean) for entry in result.models), alpha_text(result.alpha)]
        for name, result in zip(aspects, results, strict=True)
    ]
    return (
        f"<section><h2>Five aspects, rated from 1 to {MAX_RATING}</h2>"
        f'{radar(aspects, models, means, largest=MAX_RATING)}<ul class="legend">{legend}</ul>'
        f"{_table(['aspect', *models, 'alpha (interval)'], rows)}</section>"
    )


def _attention_section(analysis: Analysis) -> str:
    rows = [
        [entry.labeller, f"{entry.num_passed} of {entry.num_checks}", "left out" if entry.excluded else "counted"]
        for entry in analysis.attention
    ]
    return f"<section><h2>Attention checks</h2>{_table(['labeller', 'passed', ''], rows)}</section>"


def _mean(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
