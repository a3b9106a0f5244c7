import json
import socket

import pytest
from preference_builders import COLOURS, make_outputs
from typer.testing import CliRunner

from vsd2m.cli.preference import app
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.labelling.preference.questions import QUESTIONS
from vsd2m.labelling.preference.study import PreferenceStudy

PROMPTS = ["a cat", "a dog", "a frog"]


def run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def study(tmp_path):
    models = [f"--model={model}={make_outputs(tmp_path / model, model, PROMPTS)}" for model in COLOURS]
    printed = run("create", tmp_path / "study", *models, "--trials-per-check", "0", "--rated-per-prompt", "2")
    assert printed == f"{tmp_path}/study: 4 models, 3 prompts; vsd2m preference serve {tmp_path}/study\n"
    return tmp_path / "study"


def test_create_status_and_report_go_together(study):
    opened = PreferenceStudy(study)
    opened.join("ada")
    while (screen := opened.screen("ada")) is not None:
        values = {question.name: 2 for question in QUESTIONS[screen.kind]}
        opened.answer("ada", screen.number, values, duration_ms=1)
    assert json.loads(run("status", study, "--json")) == [{"labeller": "ada", "num_answered": 9, "num_trials": 9}]
    assert run("status", study) == "ada: 9 of 9\n1 labellers\n"
    printed = run("report", study, "--num-resamples", "100")
    assert "1 labellers counted, 0 excluded." in printed and f"Plots: {study}/report.html" in printed
    assert (study / "report.html").read_text().startswith("<!doctype html>")
    found = json.loads(run("report", study, "--json", "--num-resamples", "100", "--html", study / "other.html"))
    assert [entry["num_choices"] for entry in found["choices"]] == [3, 3]
    assert sum(model["num_chosen"] for model in found["choices"][0]["models"]) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "red"], "expected NAME=FOLDER"),
        (["--model", "red={folder}/red", "--model", "red={folder}/red"], "given twice"),
        (["--model", "red={folder}/red"], "at least two models"),
        (
            ["--model", "red={folder}/red", "--model", "blue={folder}/red", "--stickers-per-choice", "1"],
            "study.stickers_per_choice",
        ),
    ],
)
def test_mistakes_at_creation_are_named_and_leave_nothing(tmp_path, arguments, message):
    make_outputs(tmp_path / "red", "red", PROMPTS)
    with pytest.raises(ConfigError, match=message):
        run("create", tmp_path / "study", *(argument.format(folder=tmp_path) for argument in arguments))
    assert [path.name for path in tmp_path.iterdir()] == ["red"]


def test_serving_on_a_port_in_use_or_without_a_study_is_an_error(study, tmp_path):
    pytest.importorskip("uvicorn", reason="needs the extra `web`")
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="choose another port"):
        run("serve", study, "--port", taken.getsockname()[1])
    with pytest.raises(StorageError, match="there is no labelling task"):
        run("serve", tmp_path / "nowhere")


@pytest.mark.parametrize("command", ["create", "serve", "status", "report"])
def test_every_command_ends_its_help_in_an_example(command):
    assert f"Example: vsd2m preference {command}" in " ".join(run(command, "--help").split())
