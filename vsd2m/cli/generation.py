"""Commands for generators: train, generate."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vsd2m.cli.progress import bar
from vsd2m.cli.runs import SetOption, parse_overrides
from vsd2m.core.errors import ConfigError

if TYPE_CHECKING:
    from vsd2m.generation.config import TrainConfig
    from vsd2m.generation.train_result import TrainResult

Launcher = Literal["local", "ray"]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("train", epilog="Example: vsd2m train examples/train_tiny.yaml --set out=runs/tiny")(train)
    app.command("generate", epilog='Example: vsd2m generate "a cat waving its paw"')(generate)


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the training.")],
    overrides: SetOption = None,
    launcher: Annotated[
        Launcher, typer.Option(help="local: this process (or torchrun's); ray: a Ray cluster.")
    ] = "local",
    num_workers: Annotated[int, typer.Option(min=1, help="Processes that Ray starts, one per GPU.")] = 1,
    address: Annotated[str | None, typer.Option(help="Address of a Ray cluster; default: this machine.")] = None,
    ablation: Annotated[
        str | None, typer.Option(help="Train every variant of this name instead, and print a table: sti, layers.")
    ] = None,
    num_seeds: Annotated[int, typer.Option(min=1, help="Seeds of an ablation, from 0.")] = 1,
) -> None:
    """Trains a generator on shards, or resumes an interrupted training."""
    from vsd2m.generation.config import TrainConfig
    from vsd2m.pipelines.engine.config import read_yaml, validate

    values = read_yaml(str(config), parse_overrides(overrides))
    train_config = validate(TrainConfig, values, path=str(config))
    if ablation is not None:
        _ablate(train_config, ablation, num_seeds)
    elif launcher == "ray":
        from vsd2m.pipelines.cluster.ray_train import train_on_ray

        _report(train_on_ray(train_config, num_workers=num_workers, address=address))
    else:
        _train_here(train_config)


def _train_here(config: "TrainConfig") -> None:
    from vsd2m.generation.trainer import train as train_generator

    with bar("training", config.num_steps) as update_bar:
        result = train_generator(
            config, on_step=lambda step, total, loss: update_bar(step, total, note=f"loss {loss:.4f}")
        )
    _report(result)


def _report(result: "TrainResult") -> None:
    if result.num_captions_truncated:
        note = f"{result.num_captions_truncated} of {result.num_clips} captions are longer than the text encoder reads"
        typer.echo(note, err=True)
    typer.echo(result.checkpoint)


def _ablate(config: "TrainConfig", name: str, num_seeds: int) -> None:
    from vsd2m.generation.ablation import ablate, table

    with bar(f"ablation {name}", None) as update_bar:
        report_step = lambda step, total, loss: update_bar(step, total, note=f"loss {loss:.4f}")  # noqa: E731
        rows = ablate(config, name, seeds=range(num_seeds), on_step=report_step)
    typer.echo(table(rows))


def generate(
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPTS", help="Prompts, or @FILE with one per line.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Folder of a trained generator; default: the small one inside the package, 64 x 64 pixels."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the stickers.")] = Path("generated"),
    overrides: SetOption = None,
) -> None:
    """Generates a sticker for every prompt; existing stickers are not generated again."""
    from vsd2m.generation.config import GenerationConfig
    from vsd2m.generation.embedded import DEFAULTS, embedded_checkpoint, unknown_words
    from vsd2m.generation.sampler import generate as generate_stickers
    from vsd2m.pipelines.engine.config import validate

    all_prompts = [prompt_text for prompt in prompts for prompt_text in _prompts(prompt)]
    values = parse_overrides(overrides)
    if checkpoint is None:
        checkpoint, values = embedded_checkpoint(), {**DEFAULTS, **values}
        if unknown := unknown_words(all_prompts):
            typer.echo(f"unknown to the small generator, left out:  {', '.join(unknown)}", err=True)
    config = validate(GenerationConfig, values, path="--set")
    with bar("generating", len(all_prompts)) as update_bar:
        generate_stickers(checkpoint, all_prompts, out, config=config, on_sticker=update_bar)
    typer.echo(out)


def _prompts(argument: str) -> list[str]:
    if not argument.startswith("@"):
        return [argument]
    path = Path(argument[1:])
    if not path.is_file():
        raise ConfigError(f"{argument}: no such file; expected a text file with one prompt per line")
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
