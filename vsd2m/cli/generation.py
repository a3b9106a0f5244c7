"""Commands about generators: train, generate."""

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
    address: Annotated[str | None, typer.Option(help="Ray cluster; default: this machine.")] = None,
    ablation: Annotated[
        str | None, typer.Option(help="Train every variant of this name instead, and print a table: sti, layers.")
    ] = None,
    num_seeds: Annotated[int, typer.Option(min=1, help="Seeds of an ablation, from 0.")] = 1,
) -> None:
    """Trains a generator on shards, or goes on where it was stopped."""
    from vsd2m.generation.config import TrainConfig
    from vsd2m.pipelines.engine.config import read_yaml, validate

    values = read_yaml(str(config), parse_overrides(overrides))
    checked = validate(TrainConfig, values, path=str(config))
    if ablation is not None:
        _ablate(checked, ablation, num_seeds)
    elif launcher == "ray":
        from vsd2m.pipelines.cluster.ray_train import train_on_ray

        _report(train_on_ray(checked, num_workers=num_workers, address=address))
    else:
        _train_here(checked)


def _train_here(config: "TrainConfig") -> None:
    from vsd2m.generation.trainer import train as train_generator

    with bar("training", config.num_steps) as shown:
        result = train_generator(config, on_step=lambda step, total, loss: shown(step, total, note=f"loss {loss:.4f}"))
    _report(result)


def _report(result: "TrainResult") -> None:
    if result.num_captions_truncated:
        note = f"{result.num_captions_truncated} of {result.num_clips} captions are longer than the text encoder reads"
        typer.echo(note, err=True)
    typer.echo(result.checkpoint)


def _ablate(config: "TrainConfig", name: str, num_seeds: int) -> None:
    from vsd2m.generation.ablation import ablate, table

    with bar(f"ablation {name}", None) as shown:
        seen = lambda step, total, loss: shown(step, total, note=f"loss {loss:.4f}")  # noqa: E731
        rows = ablate(config, name, seeds=range(num_seeds), on_step=seen)
    typer.echo(table(rows))


def generate(
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPTS", help="Prompts, or @FILE with one per line.")],
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Folder of a trained generator; default: the small one of the package, 64 x 64 pixels."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the stickers.")] = Path("generated"),
    overrides: SetOption = None,
) -> None:
    """Draws a sticker for every prompt; prompts that are done already are not drawn again."""
    from vsd2m.generation.config import GenerationConfig
    from vsd2m.generation.embedded import DEFAULTS, embedded_checkpoint, unknown_words
    from vsd2m.generation.sampler import generate as draw
    from vsd2m.pipelines.engine.config import validate

    wanted = [line for prompt in prompts for line in _prompts(prompt)]
    values = parse_overrides(overrides)
    if checkpoint is None:
        checkpoint, values = embedded_checkpoint(), {**DEFAULTS, **values}
        if unknown := unknown_words(wanted):
            typer.echo(f"words the small generator does not know, left out: {', '.join(unknown)}", err=True)
    config = validate(GenerationConfig, values, path="--set")
    with bar("drawing", len(wanted)) as shown:
        draw(checkpoint, wanted, out, config=config, on_sticker=shown)
    typer.echo(out)


def _prompts(argument: str) -> list[str]:
    if not argument.startswith("@"):
        return [argument]
    path = Path(argument[1:])
    if not path.is_file():
        raise ConfigError(f"{argument}: no such file; expected a text file with one prompt per line")
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
