"""The preference study as a labelling task: labellers choose the best of several models' stickers and rate aspects."""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from vsd2m.labelling.application.screens import Trial
from vsd2m.labelling.application.task import LabellingTask
from vsd2m.labelling.application.task_folder import NewTask, new_task
from vsd2m.labelling.preference.config import StudyConfig
from vsd2m.labelling.preference.design import Arrangement, plan_seat
from vsd2m.labelling.preference.paired_outputs import PairedPrompt, pair_by_prompt
from vsd2m.labelling.preference.questions import QUESTIONS
from vsd2m.labelling.preference.reading import read_responses
from vsd2m.labelling.preference.responses import Responses

_TABLES = """
CREATE TABLE model (
    model INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE prompt (
    prompt INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE generated (
    sticker TEXT PRIMARY KEY REFERENCES sticker,
    prompt INTEGER NOT NULL REFERENCES prompt,
    model INTEGER NOT NULL REFERENCES model,
    UNIQUE (prompt, model)
) STRICT;
"""


class PreferenceStudy(LabellingTask):
    """A study in a folder: which of several models generates the better stickers for the same prompts."""

    NAME = "preference"
    QUESTIONS: ClassVar = QUESTIONS

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config = StudyConfig.model_validate_json(self.config_json)
        with self.transaction() as connection:
            self.num_models = int(connection.execute("SELECT count(*) FROM model").fetchone()[0])
            self.num_prompts = int(connection.execute("SELECT count(*) FROM prompt").fetchone()[0])

    @property
    def title(self) -> str:
        return self.config.title

    def plan_trials(self, connection: sqlite3.Connection, seat: int) -> Sequence[Trial]:
        arrangements = plan_seat(seat, num_prompts=self.num_prompts, num_models=self.num_models, config=self.config)
        return [_trial(connection, arrangement) for arrangement in arrangements]

    def responses(self) -> Responses:
        """All answers so far."""
        with self.transaction() as connection:
            return read_responses(connection)


def create_study(folder: Path, models: Mapping[str, Path], config: StudyConfig) -> PreferenceStudy:
    """Copies the models' stickers for common prompts and writes an empty study, atomically.

    Raises `ConfigError` if `folder` is already in use, or the models have no common prompts.
    """
    paired = pair_by_prompt(models)
    with new_task(folder, name=PreferenceStudy.NAME, config=config.model_dump_json(), tables=_TABLES) as task:
        task.connection.executemany("INSERT INTO model VALUES (?, ?)", enumerate(models))
        for prompt, pair in enumerate(paired):
            _add_prompt(task, prompt, pair)
    return PreferenceStudy(folder)


def _add_prompt(task: NewTask, prompt: int, pair: PairedPrompt) -> None:
    task.connection.execute("INSERT INTO prompt VALUES (?, ?)", [prompt, pair.prompt])
    for model, path in enumerate(pair.files):
        task.connection.execute("INSERT INTO generated VALUES (?, ?, ?)", (task.add_sticker(path), prompt, model))


def _trial(connection: sqlite3.Connection, arrangement: Arrangement) -> Trial:
    rows = connection.execute("SELECT model, sticker FROM generated WHERE prompt = ?", [arrangement.prompt])
    by_model = {row["model"]: row["sticker"] for row in rows}
    stickers = tuple(by_model[model] for model in arrangement.models)
    return Trial(arrangement.kind, _text(connection, arrangement), stickers, arrangement.expected)


def _text(connection: sqlite3.Connection, arrangement: Arrangement) -> str:
    """The prompt, or the instruction of an attention check."""
    if arrangement.expected is None:
        row = connection.execute("SELECT text FROM prompt WHERE prompt = ?", [arrangement.prompt]).fetchone()
        return str(row[0])
    if arrangement.kind == "choose":
        return f"Are you still reading? Please choose sticker {arrangement.expected} for both questions."
    return f"Are you still reading? Please give {arrangement.expected} to every aspect."
