"""A study on disk: `study.sqlite` and a copy of the stickers under names that do not reveal the model."""

import hashlib
import json
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.labelling import database
from vsd2m.labelling.config import StudyConfig
from vsd2m.labelling.design import plan_seat
from vsd2m.labelling.outputs import PairedPrompt, content_type, pair_by_prompt
from vsd2m.labelling.questions import MAX_RATING, QUESTIONS, Kind
from vsd2m.labelling.reading import read_responses
from vsd2m.labelling.responses import Responses

DATABASE = "study.sqlite"
MEDIA = "media"
MAX_NAME = 60


@dataclass(frozen=True)
class Screen:
    """The next screen of a labeller: trial `number` of `num_trials`; `stickers` are names for `Study.media`."""

    number: int
    num_trials: int
    kind: Kind
    text: str
    stickers: tuple[str, ...]
    upcoming: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """Progress of a labeller."""

    labeller: str
    num_answered: int
    num_trials: int


def create_study(folder: Path, models: Mapping[str, Path], config: StudyConfig) -> "Study":
    """Copies the models' stickers for common prompts and writes an empty study, atomically.

    Raises `ConfigError` if `folder` is already in use, or the models have no common prompts.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} already exists; serve it, or choose another folder for a new study")
    paired = pair_by_prompt(models)
    folder.parent.mkdir(parents=True, exist_ok=True)
    salt = secrets.token_hex(16)  # labellers must not be able to compute which model generated a sticker
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        unfinished = Path(temporary) / "study"
        (unfinished / MEDIA).mkdir(parents=True)
        database.create(unfinished / DATABASE)
        with database.open_study(unfinished / DATABASE) as connection:
            connection.execute("INSERT INTO study VALUES (1, ?)", [config.model_dump_json()])
            connection.executemany("INSERT INTO model VALUES (?, ?)", enumerate(models))
            for prompt, pair in enumerate(paired):
                _add_prompt(connection, prompt, pair, unfinished / MEDIA, salt)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    return Study(folder)


class Study:
    """Hands out trials and takes answers; safe to use from several threads and processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with self._open() as connection:
            self.config = StudyConfig.model_validate_json(connection.execute("SELECT config FROM study").fetchone()[0])
            self.num_models = int(connection.execute("SELECT count(*) FROM model").fetchone()[0])
            self.num_prompts = int(connection.execute("SELECT count(*) FROM prompt").fetchone()[0])

    def join(self, name: str) -> str:
        """The labeller's name as it is stored; a new one takes the next seat, a known one resumes.

        Spaces and capitals are ignored. `ConfigError` for an empty or overlong name.
        """
        name = " ".join(name.split()).casefold()
        if not 0 < len(name) <= MAX_NAME:
            raise ConfigError(f"a name has 1 to {MAX_NAME} letters, found {len(name)}")
        with self._open() as connection:
            if connection.execute("SELECT 1 FROM labeller WHERE name = ?", [name]).fetchone() is None:
                self._take_seat(connection, name)
        return name

    def screen(self, name: str) -> Screen | None:
        """The labeller's first unanswered trial, or None when all are answered."""
        with self._open() as connection:
            labeller = _labeller(connection, name)
            trials = connection.execute("SELECT * FROM trial WHERE labeller = ? ORDER BY number", [labeller]).fetchall()
            answered = {
                row[0] for row in connection.execute("SELECT number FROM answer WHERE labeller = ?", [labeller])
            }
            unanswered_trials = [trial for trial in trials if trial["number"] not in answered]
            if not unanswered_trials:
                return None
            upcoming = _stickers(connection, unanswered_trials[1]) if len(unanswered_trials) > 1 else ()
            text = _text(connection, unanswered_trials[0])
            stickers = _stickers(connection, unanswered_trials[0])
        return Screen(
            unanswered_trials[0]["number"], len(trials), unanswered_trials[0]["kind"], text, stickers, upcoming
        )

    def answer(self, name: str, number: int, values: Mapping[str, int], *, duration_ms: int) -> bool:
        """Stores the answers to all questions of a trial; False if it was answered before, which changes nothing.

        A value is a position from the left (1 is the first) or a rating. `ConfigError` for anything else.
        """
        with self._open() as connection:
            labeller = _labeller(connection, name)
            trial = connection.execute("SELECT * FROM trial WHERE (labeller, number) = (?, ?)", [labeller, number])
            _check_values(trial.fetchone(), number, values)
            row = "INSERT INTO answer (labeller, number, question, value, duration_ms) VALUES (?, ?, ?, ?, ?)"
            rows = [(labeller, number, question, value, duration_ms) for question, value in values.items()]
            return connection.executemany(f"{row} ON CONFLICT DO NOTHING", rows).rowcount > 0

    def media(self, sticker: str) -> tuple[Path, str] | None:
        """The file and content type of a sticker, or None if there is no such sticker."""
        with self._open() as connection:
            row = connection.execute("SELECT content_type FROM sticker WHERE sticker = ?", [sticker]).fetchone()
        return (self.folder / MEDIA / sticker, row[0]) if row else None

    def progress(self) -> list[Progress]:
        """Progress of every labeller, in the order they joined."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT name, (SELECT count(DISTINCT number) FROM answer WHERE answer.labeller = labeller.labeller),"
                " (SELECT count(*) FROM trial WHERE trial.labeller = labeller.labeller) FROM labeller ORDER BY seat"
            ).fetchall()
        return [Progress(*row) for row in rows]

    def responses(self) -> Responses:
        """All answers so far."""
        with self._open() as connection:
            return read_responses(connection)

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return database.open_study(self.folder / DATABASE)

    def _take_seat(self, connection: sqlite3.Connection, name: str) -> None:
        seat = connection.execute("SELECT count(*) FROM labeller").fetchone()[0]
        added = connection.execute("INSERT INTO labeller (name, seat) VALUES (?, ?)", [name, seat])
        trials = plan_seat(seat, num_prompts=self.num_prompts, num_models=self.num_models, config=self.config)
        connection.executemany(
            "INSERT INTO trial VALUES (?, ?, ?, ?, ?, ?)",
            [
                (added.lastrowid, number, trial.kind, trial.prompt, json.dumps(trial.shown_models), trial.expected)
                for number, trial in enumerate(trials)
            ],
        )


def _add_prompt(connection: sqlite3.Connection, prompt: int, pair: PairedPrompt, media: Path, salt: str) -> None:
    """Copies the prompt's stickers under names that do not reveal the model."""
    connection.execute("INSERT INTO prompt VALUES (?, ?)", [prompt, pair.prompt])
    for model, path in enumerate(pair.files):
        mime = content_type(path)
        digest = hashlib.sha256(f"{salt}/{prompt}/{model}".encode()).hexdigest()
        sticker = f"{digest[:20]}.{mime.rpartition('/')[2]}"
        connection.execute("INSERT INTO sticker VALUES (?, ?, ?, ?, ?)", (sticker, prompt, model, mime, str(path)))
        try:
            shutil.copyfile(path, media / sticker)
        except OSError as error:
            raise StorageError(f"cannot copy {path}: {error.strerror or error}") from error


def _labeller(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT labeller FROM labeller WHERE name = ?", [name]).fetchone()
    if row is None:
        raise ConfigError(f"there is no labeller {name!r} in this study; enter your name first")
    return int(row[0])


def _text(connection: sqlite3.Connection, trial: sqlite3.Row) -> str:
    """The prompt, or the instruction of an attention check."""
    if trial["expected"] is None:
        return str(connection.execute("SELECT text FROM prompt WHERE prompt = ?", [trial["prompt"]]).fetchone()[0])
    if trial["kind"] == "choose":
        return f"Are you still reading? Please choose sticker {trial['expected']} for both questions."
    return f"Are you still reading? Please give {trial['expected']} to every aspect."


def _stickers(connection: sqlite3.Connection, trial: sqlite3.Row) -> tuple[str, ...]:
    rows = connection.execute("SELECT model, sticker FROM sticker WHERE prompt = ?", [trial["prompt"]])
    by_model = {row["model"]: row["sticker"] for row in rows}
    return tuple(by_model[model] for model in json.loads(trial["shown"]))


def _check_values(trial: sqlite3.Row | None, number: int, values: Mapping[str, int]) -> None:
    if trial is None:
        raise ConfigError(f"this labeller has no trial {number}")
    expected = {question.name for question in QUESTIONS[trial["kind"]]}
    if set(values) != expected:
        raise ConfigError(f"trial {number}: expected answers to {sorted(expected)}, found {sorted(values)}")
    largest = len(json.loads(trial["shown"])) if trial["kind"] == "choose" else MAX_RATING
    if not all(1 <= value <= largest for value in values.values()):
        raise ConfigError(f"trial {number}: expected answers from 1 to {largest}, found {sorted(values.values())}")
