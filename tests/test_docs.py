"""What the documents say is true: blocks run, commands and links exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from vsd2m.cli.main import app
from vsd2m.pipelines.engine.stages import STAGES

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = typer.main.get_command(app)


def commands_of(command: Any, name: str = "vsd2m") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for part, inner in command.commands.items():
            yield from commands_of(inner, f"{name} {part}")
    else:
        yield name, command


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language, "" for those that name none."""
    found: list[str] = []
    opened: str | None = None
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith("```"):
            opened = line[3:].strip() if opened is None else None
            if opened == language:
                found.append("")
        elif opened == language:
            found[-1] += line
    return found


def quoted_commands() -> Iterator[str]:
    """Every line of a shell block, and every inline code, that begins with `vsd2m `."""
    for path in DOCUMENTS:
        lines = [line for block in [*blocks(path, ""), *blocks(path, "bash")] for line in block.splitlines()]
        inline = re.findall(r"`(vsd2m [^`\n]+)`", path.read_text(encoding="utf-8"))
        yield from (line.split("  #")[0].strip() for line in [*lines, *inline] if line.startswith("vsd2m "))


def check_usage(line: str) -> None:
    """The command exists, and so does every option of it."""
    words = shlex.split(line)[1:]
    command: Any = COMMAND
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands") or not words or words[0].startswith("--"), f"{line}: no such command"
    options = (option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts))
    known = {*options, "--help"}
    assert {word for word in words if word.startswith("--")} <= known, line


def test_the_documents_quote_commands():
    assert len(list(quoted_commands())) > 10


@pytest.mark.parametrize("line", sorted(set(quoted_commands())))
def test_a_quoted_command_exists_with_its_options(line):
    check_usage(line)


@pytest.mark.parametrize(("name", "command"), list(commands_of(COMMAND)))
def test_every_command_says_what_it_does_and_ends_in_an_example_that_can_be_pasted(name, command):
    assert command.help
    assert command.epilog and command.epilog.startswith(f"Example: {name}"), name
    check_usage(command.epilog.removeprefix("Example: "))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


def test_the_python_of_the_readme_runs(sticker_run, capsys):
    shards = sticker_run.store.path("shards")
    for block in blocks(ROOT / "README.md", "python"):
        exec(compile(block.replace("demo/run/shards", shards), "README.md", "exec"), {})
    assert "(8, 3, 128, 128)" in capsys.readouterr().out


def test_every_stage_stands_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name, where in STAGES.items():
        module, _, stage_class = where.partition(":")
        assert name in text and (stage_class in text or module.rsplit(".", 1)[-1] in text), name


def test_no_document_or_module_holds_a_path_of_a_machine():
    files = [*DOCUMENTS, *(ROOT / "vsd2m").rglob("*.py"), *(ROOT / "measurements").rglob("*.py"), ROOT / "Makefile"]
    for path in files:
        assert not re.search(r"/(?:work|root|home)/\w", path.read_text(encoding="utf-8")), path


def test_the_index_of_measurements_lists_every_file_and_no_other():
    folder = ROOT / "measurements"
    listed = re.findall(r"^\| `([\w/]+\.py)` \|", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
