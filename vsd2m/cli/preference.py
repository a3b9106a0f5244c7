"""Commands of the human preference study: preference create, serve, status, report."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vsd2m.cli.output import print_json
from vsd2m.core.errors import ConfigError

app = typer.Typer(help="Ask people which stickers are better.", no_args_is_help=True)
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The study's folder.")]


@app.command(
    "create", epilog="Example: vsd2m preference create study --model sti=outputs/sti --model videoldm=outputs/videoldm"
)
def create(
    study: StudyArgument,
    models: Annotated[
        list[str],
        typer.Option("--model", metavar="NAME=FOLDER", help="A model and its stickers with manifest.jsonl; repeat."),
    ],
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Which sticker is better?",
    stickers_per_choice: Annotated[int, typer.Option(help="Stickers side by side, 2 to 9.")] = 4,
    prompts_per_labeller: Annotated[
        int | None, typer.Option(help=r"Prompts one labeller sees. \[default: all]")
    ] = None,
    rated_per_prompt: Annotated[int, typer.Option(help="Stickers rated per prompt and labeller; 0: none.")] = 1,
    trials_per_check: Annotated[int, typer.Option(help="One attention check for that many screens; 0: none.")] = 10,
    seed: Annotated[int, typer.Option(help="Decides the arrangement.")] = 0,
) -> None:
    """Makes a study of the prompts that all models drew. Nothing is asked yet: serve it."""
    from vsd2m.labelling.config import StudyConfig
    from vsd2m.labelling.study import create_study
    from vsd2m.pipelines.engine.config import validate

    values = {
        "title": title,
        "stickers_per_choice": stickers_per_choice,
        "prompts_per_labeller": prompts_per_labeller,
        "rated_per_prompt": rated_per_prompt,
        "trials_per_check": trials_per_check,
        "seed": seed,
    }
    made = create_study(study, _folders(models), validate(StudyConfig, values, path="study"))
    typer.echo(f"{study}: {made.num_models} models, {made.num_prompts} prompts; vsd2m preference serve {study}")


@app.command("serve", epilog="Example: vsd2m preference serve study --port 8010")
def serve(
    study: StudyArgument,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets the whole network in; names are no passwords.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8010,
) -> None:
    """Serves the labelling page until Ctrl-C. Answers are saved one by one; serve again to go on."""
    from vsd2m.labelling.server import serve_forever
    from vsd2m.labelling.study import Study

    serve_forever(Study(study), host=host, port=port, on_ready=lambda url: typer.echo(f"labellers go to {url}"))


@app.command("status", epilog="Example: vsd2m preference status study")
def status(
    study: StudyArgument,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Prints how far every labeller is."""
    from vsd2m.labelling.study import Study

    progress = Study(study).progress()
    if as_json:
        print_json([asdict(entry) for entry in progress])
        return
    for entry in progress:
        typer.echo(f"{entry.labeller}: {entry.num_answered} of {entry.num_trials}")
    typer.echo(f"{len(progress)} labellers")


@app.command("report", epilog="Example: vsd2m preference report study --html report.html")
def report(
    study: StudyArgument,
    html: Annotated[Path | None, typer.Option(help=r"Where the page goes. \[default: STUDY/report.html]")] = None,
    min_checks_passed: Annotated[float, typer.Option(help="Share of attention checks a labeller must pass.")] = 0.75,
    num_resamples: Annotated[int, typer.Option(help="Bootstrap resamples behind each interval.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Prints win rates, strengths, ratings and agreement, and writes them with plots as one page."""
    from vsd2m.labelling.analysis import AnalysisConfig, analyse
    from vsd2m.labelling.results_page import write_results
    from vsd2m.labelling.study import Study
    from vsd2m.labelling.summary import as_text
    from vsd2m.pipelines.engine.config import validate

    values = {"min_checks_passed": min_checks_passed, "num_resamples": num_resamples}
    opened = Study(study)
    analysis = analyse(opened.responses(), validate(AnalysisConfig, values, path="report"))
    page = html or study / "report.html"
    write_results(page, opened.config.title, analysis)
    if as_json:
        print_json({**asdict(analysis), "config": analysis.config.model_dump()})
        return
    typer.echo(as_text(analysis))
    typer.echo(f"Plots: {page}")


def _folders(arguments: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for argument in arguments:
        name, _, folder = argument.partition("=")
        if not name or not folder:
            raise ConfigError(f"--model {argument}: expected NAME=FOLDER")
        if name in folders:
            raise ConfigError(f"--model {argument}: the name {name} is given twice")
        folders[name] = Path(folder)
    return folders
