"""The command line: parse, call one function of the API, print. Results on stdout, progress on stderr."""

import os
import shlex
import sys

import typer

from vsd2m import __version__
from vsd2m.cli import annotate, benchmark, crawl, data, demo, generation, init, preference, remote, rights, runs
from vsd2m.cli.progress import show_notices
from vsd2m.core.errors import Vsd2mError

INTERRUPTED = 130  # as a shell reports a command that was ended by Ctrl-C
RESUMABLE = (("run",), ("resume",), ("demo",), ("train",), ("generate",), ("benchmark", "run"))
"""Commands that resume after an interruption when they are run again."""

app = typer.Typer(
    name="vsd2m",
    help="Build, check, publish and load animated-sticker datasets; train and evaluate generators on them.",
    epilog="Start here: vsd2m demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (demo, init, runs, remote, data, rights, annotate, generation):
    part.register(app)
app.add_typer(crawl.crawl_app, name="crawl")
app.add_typer(data.filter_app, name="filter")
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(preference.app, name="preference")


def _version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"vsd2m {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Runs the command; exits with 0 on success, 1 with an error in one line, 2 on wrong usage, 130 on Ctrl-C."""
    show_notices()
    try:
        app(prog_name="vsd2m")
    except Vsd2mError as error:
        _fail(str(error))
    except BrokenPipeError:  # `vsd2m why ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:  # before or after a command
        sys.exit(INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer turns a KeyboardInterrupt into this exit code without a message
            _say_interrupted(sys.argv[1:])
        raise


def _say_interrupted(arguments: list[str]) -> None:
    is_resumed = any(tuple(arguments[: len(command)]) == command for command in RESUMABLE)
    how = f"; finished work is kept. To resume: {shlex.join(['vsd2m', *arguments])}" if is_resumed else ""
    typer.echo(f"\ninterrupted{how}", err=True)


def _fail(message: str) -> None:
    typer.secho("error: ", fg="red", bold=True, err=True, nl=False)
    typer.echo(" ".join(message.split()), err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
