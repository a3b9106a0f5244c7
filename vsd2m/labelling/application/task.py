"""The base of every labelling task: labellers join, get screens, and answer them."""

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.labelling.application import database
from vsd2m.labelling.application.screens import Kind, Progress, Question, Screen, Trial, check_answers
from vsd2m.labelling.application.task_folder import DATABASE, MEDIA

MAX_NAME = 60


class LabellingTask(ABC):
    """A task in a folder: hands out screens and stores answers; safe for several threads and processes at once.

    A subclass has a `NAME` that the folder stores, the questions of each kind of screen it uses, a title, and a plan
    of the trials of each labeller. Joining, resuming, and storing each answer once are the same for all tasks.
    """

    NAME: ClassVar[str]
    QUESTIONS: ClassVar[Mapping[Kind, tuple[Question, ...]]]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with self.transaction() as connection:
            name, self.config_json = connection.execute("SELECT name, config FROM task").fetchone()
        if name != self.NAME:
            raise StorageError(f"{folder}: expected a task {self.NAME!r}, found {name!r}; use the commands of {name!r}")

    @property
    @abstractmethod
    def title(self) -> str:
        """The heading of the page."""

    @abstractmethod
    def plan_trials(self, connection: sqlite3.Connection, seat: int) -> Sequence[Trial]:
        """The trials of a labeller in their order; `seat` counts the labellers who joined before."""

    def join(self, name: str) -> str:
        """The labeller's name as it is stored; a new one takes the next seat, a known one resumes.

        Spaces and capitals are ignored. `ConfigError` for an empty or overlong name.
        """
        name = " ".join(name.split()).casefold()
        if not 0 < len(name) <= MAX_NAME:
            raise ConfigError(f"a name has 1 to {MAX_NAME} letters, found {len(name)}")
        with self.transaction() as connection:
            if connection.execute("SELECT 1 FROM labeller WHERE name = ?", [name]).fetchone() is None:
                self._take_seat(connection, name)
        return name

    def screen(self, name: str) -> Screen | None:
        """The labeller's first unanswered trial, or None when all are answered."""
        with self.transaction() as connection:
            labeller = _labeller(connection, name)
            rows = connection.execute("SELECT * FROM trial WHERE labeller = ? ORDER BY number", [labeller]).fetchall()
            answers = connection.execute("SELECT number FROM answer WHERE labeller = ?", [labeller]).fetchall()
        answered = {row["number"] for row in answers}
        unanswered = [row for row in rows if row["number"] not in answered]
        if not unanswered:
            return None
        trial, *later = [_trial(row) for row in unanswered[:2]]
        upcoming = later[0].stickers if later else ()
        return Screen(unanswered[0]["number"], len(rows), trial.kind, trial.text, trial.stickers, upcoming)

    def answer(self, name: str, number: int, values: Mapping[str, int], *, duration_ms: int) -> bool:
        """Stores the answers to all questions of a trial; False if it was answered before, which changes nothing.

        A value is a position from the left (1 is the first) or a rating. `ConfigError` for anything else.
        """
        with self.transaction() as connection:
            labeller = _labeller(connection, name)
            query = "SELECT * FROM trial WHERE (labeller, number) = (?, ?)"
            row = connection.execute(query, [labeller, number]).fetchone()
            if row is None:
                raise ConfigError(f"this labeller has no trial {number}")
            trial = _trial(row)
            check_answers(number, trial, self.QUESTIONS[trial.kind], values)
            insert = "INSERT INTO answer (labeller, number, question, value, duration_ms) VALUES (?, ?, ?, ?, ?)"
            rows = [(labeller, number, question, value, duration_ms) for question, value in values.items()]
            return connection.executemany(f"{insert} ON CONFLICT DO NOTHING", rows).rowcount > 0

    def media(self, sticker: str) -> tuple[Path, str] | None:
        """The file and content type of a sticker, or None if there is no such sticker."""
        with self.transaction() as connection:
            row = connection.execute("SELECT content_type FROM sticker WHERE sticker = ?", [sticker]).fetchone()
        return (self.folder / MEDIA / sticker, row[0]) if row else None

    def progress(self) -> list[Progress]:
        """Progress of every labeller, in the order they joined."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT name, (SELECT count(DISTINCT number) FROM answer WHERE answer.labeller = labeller.labeller),"
                " (SELECT count(*) FROM trial WHERE trial.labeller = labeller.labeller) FROM labeller ORDER BY seat"
            ).fetchall()
        return [Progress(*row) for row in rows]

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """A transaction on the task's database."""
        return database.transaction(self.folder / DATABASE)

    def _take_seat(self, connection: sqlite3.Connection, name: str) -> None:
        (seat,) = connection.execute("SELECT count(*) FROM labeller").fetchone()
        labeller = connection.execute("INSERT INTO labeller (name, seat) VALUES (?, ?)", [name, seat]).lastrowid
        connection.executemany(
            "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?)",
            [
                (labeller, number, trial.kind, trial.text, json.dumps(trial.stickers), trial.expected)
                for number, trial in enumerate(self.plan_trials(connection, seat))
            ],
        )


def _labeller(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT labeller FROM labeller WHERE name = ?", [name]).fetchone()
    if row is None:
        raise ConfigError(f"there is no labeller {name!r} here; enter your name first")
    return int(row[0])


def _trial(row: sqlite3.Row) -> Trial:
    return Trial(row["kind"], row["text"], tuple(json.loads(row["stickers"])), row["expected"])
