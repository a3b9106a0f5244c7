"""Converts the rows of the database to responses with names."""

import json
import sqlite3
from itertools import groupby
from operator import itemgetter

from vsd2m.labelling.preference.responses import Check, Choice, Rating, Responses

PromptAndModel = dict[str, tuple[int, str]]
"""The prompt and the model's name of every sticker."""

_ANSWERS = """
SELECT labeller.name AS labeller, trial.number AS number, kind, stickers, expected, question, value
FROM answer JOIN trial USING (labeller, number) JOIN labeller USING (labeller)
ORDER BY labeller.seat, trial.number, question
"""


def read_responses(connection: sqlite3.Connection) -> Responses:
    """Every stored answer, in the order of seats and trials."""
    models = tuple(row["name"] for row in connection.execute("SELECT name FROM model ORDER BY model"))
    labellers = tuple(row["name"] for row in connection.execute("SELECT name FROM labeller ORDER BY seat"))
    by_sticker = {
        row["sticker"]: (row["prompt"], models[row["model"]]) for row in connection.execute("SELECT * FROM generated")
    }
    rows = connection.execute(_ANSWERS).fetchall()
    question_rows = [row for row in rows if row["expected"] is None]
    return Responses(
        models=models,
        labellers=labellers,
        choices=tuple(_choice(row, by_sticker) for row in question_rows if row["kind"] == "choose"),
        ratings=tuple(_rating(row, by_sticker) for row in question_rows if row["kind"] == "rate"),
        checks=_checks([row for row in rows if row["expected"] is not None]),
    )


def _choice(row: sqlite3.Row, by_sticker: PromptAndModel) -> Choice:
    prompts, shown_models = zip(*(by_sticker[sticker] for sticker in json.loads(row["stickers"])), strict=True)
    return Choice(
        row["labeller"], prompts[0], row["question"], shown_models, chosen_model=shown_models[row["value"] - 1]
    )


def _rating(row: sqlite3.Row, by_sticker: PromptAndModel) -> Rating:
    (sticker,) = json.loads(row["stickers"])
    prompt, model = by_sticker[sticker]
    return Rating(row["labeller"], prompt, row["question"], model, row["value"])


def _checks(rows: list[sqlite3.Row]) -> tuple[Check, ...]:
    trials = groupby(rows, key=itemgetter("labeller", "number"))
    return tuple(
        Check(key[0], all(row["value"] == row["expected"] for row in trial_rows)) for key, trial_rows in trials
    )
