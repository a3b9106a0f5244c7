"""Commands for human preference studies: preference create, serve, status, report."""

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
        typer.Option(
            "--model", metavar="NAME=FOLDER", help="A model and its stickers with manifest.jsonl; can be repeated."
        ),
    ],
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Which sticker is better?",
    stickers_per_choice: Annotated[int, typer.Option(help="Stickers side by side, 2 to 9.")] = 4,
    prompts_per_labeller: Annotated[
        int | None, typer.Option(help=r"Prompts one labeller sees. \[default: all]")
    ] = None,
    rated_per_prompt: Annotated[int, typer.Option(help="Stickers rated per prompt and labeller; 0: none.")] = 1,
    trials_per_check: Annotated[int, typer.Option(help="Screens per attention check; 0: no checks.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the arrangement.")] = 0,
) -> None:
    """Creates a study of the prompts that all models have stickers for. `serve` then collects responses."""
    from vsd2m.labelling.preference.config import StudyConfig
    from vsd2m.labelling.preference.study import create_study
    from vsd2m.pipelines.engine.config import validate

    values = {
        "title": title,
        "stickers_per_choice": stickers_per_choice,
        "prompts_per_labeller": prompts_per_labeller,
        "rated_per_prompt": rated_per_prompt,
        "trials_per_check": trials_per_check,
        "seed": seed,
    }
    new_study = create_study(study, _folders(models), validate(StudyConfig, values, path="study"))
    typer.echo(
        f"{study}: {new_study.num_models} models, {new_study.num_prompts} prompts; vsd2m preference serve {study}"
    )


@app.command("serve", epilog="Example: vsd2m preference serve study --port 8010")
def serve(
    study: StudyArgument,
    host: Annotated[
        str, typer.Option(help="0.0.0.0 makes it reachable from the network; there are no passwords.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8010,
) -> None:
    """Serves the labelling page until Ctrl-C. Each response is saved at once; serve again to resume."""
    from vsd2m.labelling.application.server import serve_forever
    from vsd2m.labelling.preference.study import PreferenceStudy

    opened_study = PreferenceStudy(study)
    serve_forever(opened_study, host=host, port=port, on_ready=lambda url: typer.echo(f"labellers open {url}"))


@app.command("status", epilog="Example: vsd2m preference status study")
def status(
    study: StudyArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prints the progress of every labeller."""
    from vsd2m.labelling.preference.study import PreferenceStudy

    progress = PreferenceStudy(study).progress()
    if as_json:
        print_json([asdict(entry) for entry in progress])
        return
    for entry in progress:
        typer.echo(f"{entry.labeller}: {entry.num_answered} of {entry.num_trials}")
    typer.echo(f"{len(progress)} labellers")


@app.command("report", epilog="Example: vsd2m preference report study --html report.html")
def report(
    study: StudyArgument,
    html: Annotated[Path | None, typer.Option(help=r"File of the page. \[default: STUDY/report.html]")] = None,
    min_checks_passed: Annotated[float, typer.Option(help="Share of attention checks a labeller must pass.")] = 0.75,
    num_resamples: Annotated[int, typer.Option(help="Bootstrap resamples per interval.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prints win rates, strengths, ratings and agreement, and writes them with plots as one page."""
    from vsd2m.labelling.preference.results.analysis import AnalysisConfig, analyse
    from vsd2m.labelling.preference.results.results_page import write_results
    from vsd2m.labelling.preference.results.summary import as_text
    from vsd2m.labelling.preference.study import PreferenceStudy
    from vsd2m.pipelines.engine.config import validate

    values = {"min_checks_passed": min_checks_passed, "num_resamples": num_resamples}
    opened_study = PreferenceStudy(study)
    analysis = analyse(opened_study.responses(), validate(AnalysisConfig, values, path="report"))
    page = html or study / "report.html"
    write_results(page, opened_study.config.title, analysis)
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
