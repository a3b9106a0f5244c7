"""Converts the rows of the database to responses with names."""

import json
import sqlite3
from itertools import groupby
from operator import itemgetter

from vsd2m.labelling.responses import Check, Choice, Rating, Responses

_ANSWERS = """
SELECT labeller.name AS labeller, trial.number AS number, kind, prompt, shown, expected, question, value
FROM answer JOIN trial USING (labeller, number) JOIN labeller USING (labeller)
ORDER BY labeller.seat, trial.number, question
"""


def read_responses(connection: sqlite3.Connection) -> Responses:
    """Every stored answer, in the order of seats and trials."""
    models = tuple(row["name"] for row in connection.execute("SELECT name FROM model ORDER BY model"))
    labellers = tuple(row["name"] for row in connection.execute("SELECT name FROM labeller ORDER BY seat"))
    rows = connection.execute(_ANSWERS).fetchall()
    question_rows = [row for row in rows if row["expected"] is None]
    return Responses(
        models=models,
        labellers=labellers,
        choices=tuple(_choice(row, models) for row in question_rows if row["kind"] == "choose"),
        ratings=tuple(_rating(row, models) for row in question_rows if row["kind"] == "rate"),
        checks=_checks([row for row in rows if row["expected"] is not None]),
    )


def _choice(row: sqlite3.Row, models: tuple[str, ...]) -> Choice:
    shown_models = tuple(models[model] for model in json.loads(row["shown"]))
    return Choice(
        row["labeller"], row["prompt"], row["question"], shown_models, chosen_model=shown_models[row["value"] - 1]
    )


def _rating(row: sqlite3.Row, models: tuple[str, ...]) -> Rating:
    (model,) = json.loads(row["shown"])
    return Rating(row["labeller"], row["prompt"], row["question"], models[model], row["value"])


def _checks(rows: list[sqlite3.Row]) -> tuple[Check, ...]:
    trials = groupby(rows, key=itemgetter("labeller", "number"))
    return tuple(
        Check(key[0], all(row["value"] == row["expected"] for row in trial_rows)) for key, trial_rows in trials
    )
