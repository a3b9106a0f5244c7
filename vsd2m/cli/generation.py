"""Commands about generators: train, generate."""

from pathlib import Path
from typing import Annotated

import typer

from vsd2m.cli.progress import bar
from vsd2m.cli.runs import SetOption, parse_overrides
from vsd2m.core.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("train", epilog="Example: vsd2m train examples/train_tiny.yaml --set out=runs/tiny")(train)
    app.command("generate", epilog='Example: vsd2m generate "a cat waving its paw"')(generate)


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the training.")],
    overrides: SetOption = None,
) -> None:
    """Trains a generator on shards, or goes on where it was stopped."""
    from vsd2m.generation.config import TrainConfig
    from vsd2m.generation.trainer import train as train_generator
    from vsd2m.pipelines.config import read_yaml, validate

    values = read_yaml(str(config), parse_overrides(overrides))
    checked = validate(TrainConfig, values, path=str(config))
    with bar("training", checked.num_steps) as shown:
        result = train_generator(checked, on_step=lambda step, total, loss: shown(step, total, note=f"loss {loss:.4f}"))
    typer.echo(result.checkpoint)


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
    from vsd2m.pipelines.config import validate

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
