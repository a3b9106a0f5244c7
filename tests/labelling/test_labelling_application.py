"""The local web application serves any labelling task, and only to its own page."""

import json
import urllib.error
import urllib.request

import pytest
from preference_builders import make_outputs, make_study

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.labelling.application.access import served_hosts
from vsd2m.labelling.application.screens import Question, Trial
from vsd2m.labelling.application.server import LabellingSite
from vsd2m.labelling.application.task import LabellingTask
from vsd2m.labelling.application.task_folder import new_task
from vsd2m.labelling.preference.study import PreferenceStudy


class TwoPictures(LabellingTask):
    """A task that has nothing to do with models: which of two stickers is livelier?"""

    NAME = "two_pictures"
    QUESTIONS = {"choose": (Question("lively", "Which is livelier?", "More motion."),)}  # noqa: RUF012
    title = "Livelier"

    def plan_trials(self, connection, seat):
        first, second = (row[0] for row in connection.execute("SELECT sticker FROM sticker ORDER BY source"))
        return [Trial("choose", f"seat {seat}", (first, second)), Trial("choose", "turned", (second, first))]


@pytest.fixture
def task(tmp_path):
    stickers = sorted(make_outputs(tmp_path / "red", "red", ["cat", "dog"]).glob("*.gif"))
    with new_task(tmp_path / "task", name="two_pictures", config="{}", tables="") as unfinished:
        for path in stickers:
            unfinished.add_sticker(path)
    return TwoPictures(tmp_path / "task")


def send(url, body=None, **headers):
    """(status, JSON) of a request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_a_task_that_only_plans_its_trials_is_served_answered_and_resumed(task):
    pytest.importorskip("uvicorn", reason="needs the extra `web`")
    with LabellingSite(task) as site:
        assert send(f"{site.url}/api/task")[1]["title"] == "Livelier"
        _, first = send(f"{site.url}/api/join", {"name": " Ada "})
        assert (first["name"], first["screen"]["text"], first["screen"]["num_trials"]) == ("ada", "seat 0", 2)
        answer = {"name": "ada", "number": 0, "values": {"lively": 2}, "duration_ms": 5}
        _, second = send(f"{site.url}/api/answer", answer)
        assert (
            second["screen"]["text"] == "turned" and second["screen"]["stickers"] == first["screen"]["stickers"][::-1]
        )
        assert send(f"{site.url}/api/join", {"name": "ADA"})[1] == second
        assert send(f"{site.url}/api/answer", {**answer, "number": 1, "values": {"lively": 3}})[0] == 400
    assert [(entry.labeller, entry.num_answered) for entry in task.progress()] == [("ada", 1)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8010"}, 200),
        ({"Host": "[::1]:8010"}, 200),
        ({"Host": "rebound.example:8010"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "localhost:8010", "Origin": "http://localhost:8010"}, 200),
        ({"Host": "localhost:8010", "Origin": "http://other.example"}, 403),
        ({"Host": "localhost:8010", "Origin": "null"}, 403),
    ],
)
def test_requests_under_other_names_or_from_other_pages_are_refused(task, headers, status):
    pytest.importorskip("uvicorn", reason="needs the extra `web`")
    with LabellingSite(task) as site:
        assert send(f"{site.url}/api/join", {"name": "ada"}, **headers)[0] == status
    assert len(task.progress()) == (status == 200)


def test_an_application_for_a_whole_network_answers_under_every_name():
    assert served_hosts("0.0.0.0") is None and served_hosts("::") is None
    assert served_hosts("label.example") == {"label.example"}


def test_a_folder_of_another_task_is_refused(task, tmp_path):
    with pytest.raises(StorageError, match="expected a task 'preference', found 'two_pictures'"):
        PreferenceStudy(task.folder)
    study = make_study(tmp_path / "study", num_prompts=1, models=("red", "blue"))
    with pytest.raises(StorageError, match="expected a task 'two_pictures', found 'preference'"):
        TwoPictures(study.folder)


def test_a_task_that_fails_while_it_is_made_leaves_nothing(tmp_path):
    (tmp_path / "page.gif").write_bytes(b"<html>not a picture</html>")
    with (
        pytest.raises(StorageError, match="not a sticker that browsers can show"),
        new_task(tmp_path / "task", name="two_pictures", config="{}", tables="") as unfinished,
    ):
        unfinished.add_sticker(tmp_path / "page.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["page.gif"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with (
        pytest.raises(ConfigError, match="already exists"),
        new_task(tmp_path / "full", name="two_pictures", config="{}", tables=""),
    ):
        pass
