"""Takes a folder of stickers through the whole pipeline and, where it has an index.csv with labels, says how right it was.

python examples/folder_of_stickers.py FOLDER RUN [--runner ray]
"""

import argparse
import csv
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from vsd2m.cli.progress import RunProgress, bars
from vsd2m.pipelines.demo.right_answers import outcomes_by_file
from vsd2m.pipelines.demo.run_demo import run_over_folder
from vsd2m.pipelines.status import status

LIMIT = 40  # characters, as the recipe's text_length rule


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--runner", default="local")
    arguments = parser.parse_args()
    with bars() as progress:
        run = run_over_folder(arguments.folder, arguments.run, runner=arguments.runner, observer=RunProgress(progress))
    for row in status(run):
        print(f"{row.stage:<16} read {row.num_read:>4}  kept {row.num_kept:>4}  dropped {row.num_dropped:>4}  "
              f"failed {row.num_failed:>2}  {row.reasons or ''}")  # fmt: skip
    index = arguments.folder / "index.csv"
    if index.exists():
        with index.open(encoding="utf-8", newline="") as file:
            report(run, list(csv.DictReader(file)))


def report(run, labels) -> None:
    outcomes = outcomes_by_file(run)
    named = {Path(row["file"]).name: row for row in labels}
    long = [name for name, row in named.items() if row["text_label"] == "long"]
    short = [name for name, row in named.items() if row["text_label"] == "exact" and len(row["text"]) <= LIMIT]
    dropped = {name for name, outcome in outcomes.items() if outcome.reason == "text_too_long"}
    print(f"long text dropped: {len(dropped & set(long))} of {len(long)}")
    print(f"short text dropped by mistake: {len(dropped & set(short))} of {len(short)}")
    report_text(run, outcomes, named)
    report_domain(run, outcomes, named)


def report_text(run, outcomes, named) -> None:
    read = dict(column_rows(run, "ocr", "ocr_text"))
    errors = characters = 0
    for name, row in named.items():
        if row["text_label"] == "exact" and row["text"] and outcomes[name].key in read:
            expected, found = letters(row["text"]), letters(read[outcomes[name].key])
            errors += Levenshtein.distance(expected, found)
            characters += len(expected)
    print(
        f"OCR character error rate over transcribed stickers: {errors / max(1, characters):.3f} ({characters} characters)"
    )


def report_domain(run, outcomes, named) -> None:
    found = dict(column_rows(run, "domain", "domain"))
    pairs = [(row["domain"], found[outcomes[name].key]) for name, row in named.items()
             if row["domain"] and name in outcomes and outcomes[name].key in found]  # fmt: skip
    for domain in ("real", "cartoon"):
        asked = [guess for label, guess in pairs if label == domain]
        print(f"domain {domain}: {asked.count(domain)} of {len(asked)}")
    print(
        f"domain accuracy: {sum(label == guess for label, guess in pairs) / max(1, len(pairs)):.3f} ({len(pairs)} stickers)"
    )


def column_rows(run, stage, column):
    for record in run.records(stage):
        yield from run.read_part(stage, record.partition, ["key", column]).iter_rows()


def letters(text) -> str:
    return "".join(character for character in text or "" if character.isalnum()).casefold()


if __name__ == "__main__":
    main()
