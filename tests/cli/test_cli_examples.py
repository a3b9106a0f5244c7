"""The example of every --help is run, in a folder like the one a user who follows them has.

It looks like a checkout: `examples/`, `vsd2m/`, and what earlier examples leave. The examples are run as they are
written, in one shell line each, with options behind them (a later option wins) that make expensive ones small, and
with a free port in place of a fixed one.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer.main
import yaml

from vsd2m.cli.main import app
from vsd2m.labelling.preference.questions import QUESTIONS
from vsd2m.labelling.preference.study import PreferenceStudy

ROOT = Path(__file__).parents[2]
PREFIX = "Example: "
QUICK_DRAWING = "--set num_inference_steps=1"

SMALL = {
    "vsd2m samples": "--num-stickers 8",
    "vsd2m gallery": "--port 0",
    "vsd2m preference serve": "--port 0",
    "vsd2m train": "--set num_steps=1",
    "vsd2m generate": QUICK_DRAWING,
    "vsd2m benchmark run": "--set max_real=4 --set size=64 --set sampling.num_inference_steps=1",
}
SERVERS = ("vsd2m gallery", "vsd2m preference serve")
_REMOTE = "tests/cli/test_cli_remote.py::test_a_run_is_cancelled_from_another_process_and_resumed_with_the_config_in_its_folder"
RUN_ELSEWHERE = {  # they need pictures of lines of text, a run under way, and a detached one
    "vsd2m train-ocr": "tests/annotate/test_annotate_recipe_ocr_training.py::test_the_command_prints_the_folder_last",
    "vsd2m cancel": _REMOTE,
    "vsd2m logs": "tests/pipelines/test_pipelines_cluster.py::test_a_detached_run_survives_its_driver_and_is_cancelled_and_resumed",
}
SITE_FILES = {
    "mysite.yaml": """site: https://stickers.example
search: /search?q={word}
results: {stickers: li, page: a}
sticker: {picture: img, title: h1}
""",
    "results.html": "<li><a href=/s/1>x</a></li>",
    "sticker.html": "<h1>One</h1><img src=/1.gif>",
}
ORDER = ("vsd2m demo", "vsd2m samples", "vsd2m benchmark run", "vsd2m preference create")
"""These leave what others look at."""


def examples(command: Any, name: str = "vsd2m") -> Iterator[tuple[str, str]]:
    """(command, example) of every command."""
    if hasattr(command, "commands"):
        for part, inner in command.commands.items():
            yield from examples(inner, f"{name} {part}")
    else:
        yield name, str(command.epilog).removeprefix(PREFIX)


EXAMPLES = dict(examples(typer.main.get_command(app)))
TO_RUN = sorted(
    (name for name in EXAMPLES if name not in RUN_ELSEWHERE),
    key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER),
)


@dataclass(frozen=True)
class Checkout:
    """The folder the examples are run in."""

    folder: Path
    site: str
    key: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
            "BROWSER": "true",  # the command that succeeds and shows nothing
        }

    def line(self, name: str) -> str:
        """The example as it is run."""
        example, behind, target = EXAMPLES[name].partition(" > ")
        example = example.replace(" 3f2a", f" {self.key[:6]}")
        here = {
            "vsd2m demo": f"--port {urlsplit(self.site).port} --num-steps 1",
            "vsd2m run": f"--set stages.crawl.source.site={self.site}",
        }
        return f"{example} {here.get(name) or SMALL.get(name, '')}{behind}{target}"

    def start(self, name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.line(name), shell=True, cwd=self.folder, env=self.environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (a shell may ignore it)
        )  # fmt: skip


@pytest.fixture(scope="module")
def checkout(finished, tmp_path_factory) -> Checkout:
    """With the finished run under the names that the demo and the README's run give theirs."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("examples", "vsd2m"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(finished.stickers, folder / "demo" / "stickers")
    for copy in ("demo/run", "runs/first"):
        shutil.copytree(finished.folder / "run", folder / copy)
    (folder / "weights").mkdir()
    for name, text in SITE_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    config = yaml.safe_load((finished.folder / "config.yaml").read_text(encoding="utf-8"))
    key = finished.run.frame([])["key"][0]
    return Checkout(folder, config["stages"]["crawl"]["source"]["site"], key)


def give_outputs(folder: Path) -> None:
    """Two models' stickers of the same prompts, as `preference create` takes them."""
    sticker = next((folder / "demo" / "stickers").rglob("*.gif"))
    for model in ("sti", "videoldm"):
        outputs = folder / "outputs" / model
        outputs.mkdir(parents=True, exist_ok=True)
        rows = [{"prompt": f"sticker {number}", "file": f"{number}.gif"} for number in range(3)]
        for row in rows:
            shutil.copy(sticker, outputs / row["file"])
        (outputs / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def answer_study(folder: Path) -> None:
    """Somebody sees every screen of the study and does what the attention checks ask for."""
    study = PreferenceStudy(folder)
    study.join("ada")
    while (screen := study.screen("ada")) is not None:
        numbers = [int(word) for word in re.findall(r"\d+", screen.text)] if "still reading" in screen.text else [1]
        study.answer(
            "ada", screen.number, {question.name: numbers[0] for question in QUESTIONS[screen.kind]}, duration_ms=1
        )


@pytest.mark.parametrize("name", TO_RUN)
def test_the_example_runs(name, checkout):
    if name == "vsd2m preference create":
        give_outputs(checkout.folder)
    if name == "vsd2m preference report":
        answer_study(checkout.folder / "study")
    if name in SERVERS:
        check_server(checkout, name)
        return
    with checkout.start(name) as process:
        output, messages = process.communicate(timeout=500)
    assert process.returncode == 0, f"{checkout.line(name)}\n{output}\n{messages}"
    assert "error: " not in messages
    _, _, target = checkout.line(name).partition(" > ")
    assert output.strip() or (checkout.folder / target).read_text().strip()


def check_server(checkout: Checkout, name: str) -> None:
    """It says where it listens, and Ctrl-C ends it."""
    with checkout.start(name) as process:
        try:
            assert process.stdout is not None and "http://127.0.0.1:" in process.stdout.readline()
            os.killpg(process.pid, signal.SIGINT)
            _, messages = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert "Traceback" not in messages


def test_an_example_that_is_run_elsewhere_is(request):
    for name, test in RUN_ELSEWHERE.items():
        path, _, function = test.partition("::")
        assert name in EXAMPLES
        assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), test


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_files_an_example_names_are_in_the_repository_or_made_by_another_one(name):
    for word in shlex.split(EXAMPLES[name]):
        if word.startswith(("examples/", "vsd2m/")):
            assert (ROOT / word).is_file(), word
