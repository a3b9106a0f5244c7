"""What a user of the command line meets besides results: help, mistakes and Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from typer.testing import CliRunner

from vsd2m.cli.main import app

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "pipelines")])}


def vsd2m(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vsd2m", *arguments], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, part in getattr(command, "commands", {}).items():
        yield from commands(part, (*words, name))


def letters(text: str) -> str:
    """Without what a narrow terminal and its boxes put between the words."""
    return re.sub(r"[\s│╭╮╰╯─\\]", "", text)


@pytest.mark.parametrize(("words", "command"), list(commands(typer.main.get_command(app))))
def test_help_prints_every_text_as_it_was_written(words, command):
    printed = letters(CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "400"}).output)
    texts = [command.help, command.epilog, *(getattr(parameter, "help", "") for parameter in command.params)]
    for text in filter(None, texts):
        assert letters(text) in printed, text


def test_the_package_is_run_as_a_module():
    done = vsd2m("--version")
    assert done.returncode == 0 and done.stdout.startswith("vsd2m ")
    assert "Usage: vsd2m " in vsd2m("--help").stdout


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a=[cat", "error: --set a=[cat: the value is not YAML: "),
        ("a={b: 1", "error: --set a={b: 1: the value is not YAML: "),
        ("oops", "error: --set oops: expected PATH=VALUE"),
        ("=1", "error: --set =1: expected PATH=VALUE"),
        ("a..b=1", "error: --set a..b=1: expected PATH=VALUE"),
    ],
)
def test_a_value_that_cannot_be_set_is_refused_in_one_line(override, message, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("run: x\nstages: {crawl: }\n")
    done = vsd2m("plan", str(config), "--set", override)
    assert done.returncode == 1 and done.stderr.startswith(message) and done.stderr.count("\n") == 1, done.stderr


def number_config(folder: Path) -> Path:
    """Numbers instead of stickers; the stage that measures them waits for the file `go`."""
    names = ("Source", "Catalog", "Measure")
    stages: dict[str, Any] = {name.lower(): {"stage": f"fake_stages:{name}"} for name in names}
    stages["measure"]["wait_for"] = str(folder / "go")
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({"run": str(folder / "run"), "stages": stages}, sort_keys=False))
    return config


def test_ctrl_c_says_how_to_resume_and_the_run_is_resumed(tmp_path):
    config = number_config(tmp_path)
    command = [sys.executable, "-m", "vsd2m", "run", str(config)]
    ctrl_c_works = {
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    }  # shells may ignore it
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, **ctrl_c_works) as child:
        try:
            deadline = time.monotonic() + 120
            while not (tmp_path / "run" / "catalog" / "all.json").exists():
                assert child.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            _, messages = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 130
    assert f"To resume: vsd2m run {config}\n" in messages and "Traceback" not in messages
    (tmp_path / "go").touch()
    resumed = vsd2m("run", str(config))
    assert resumed.returncode == 0, resumed.stderr
    assert "catalog" in resumed.stderr and "already done" in resumed.stderr


def test_a_lock_of_another_machine_is_broken_when_asked_to(tmp_path):
    from vsd2m.core.folder_lock import LOCK_FILE, Holder

    config = number_config(tmp_path)
    (tmp_path / "go").touch()
    (tmp_path / "run").mkdir()
    holder = Holder.this_process().model_copy(update={"host": "elsewhere"})
    (tmp_path / "run" / LOCK_FILE).write_bytes(holder.to_bytes())
    refused = vsd2m("run", str(config))
    assert refused.returncode == 1 and "on elsewhere, started " in refused.stderr
    assert vsd2m("run", str(config), "--break-lock").returncode == 0
