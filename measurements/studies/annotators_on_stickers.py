"""Accuracy of the ocr and domain stages on a folder of labelled stickers (index.csv) or drawn ones (truth.jsonl).

python measurements/studies/annotators_on_stickers.py ocr FOLDER
python measurements/studies/annotators_on_stickers.py domain FOLDER
"""

import csv
import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from vsd2m.annotate.domain.domain_stage import DomainConfig, DomainStage
from vsd2m.annotate.ocr.ocr_stage import OcrConfig, OcrStage
from vsd2m.core.stage import Batch

MAX_CHARACTERS = 40


def labelled(folder: Path) -> list[dict]:
    """file, domain, text (None: not transcribed), is_long."""
    if (folder / "truth.jsonl").exists():
        rows = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
        rows = [row for row in rows if row["planted"] in (None, "long_text", "near_duplicate")]
        return [dict(row, is_long=row["planted"] == "long_text") for row in rows]
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        dict(row, is_long=row["text_label"] == "long", text=row["text"] if row["text_label"] == "exact" else None)
        for row in rows
    ]


def outcomes(stage: OcrStage | DomainStage, folder: Path, rows: list[dict]) -> list[dict]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stage.setup()
        begin = time.perf_counter()
        results = [stage.process(Batch([{}], [(folder / row["file"]).read_bytes()]))[0] for row in rows]
    print(f"{len(rows)} stickers, {len(rows) / (time.perf_counter() - begin):.1f} a second")
    return results


def ocr(folder: Path) -> None:
    rows = [row for row in labelled(folder) if row["text"] is not None or row["is_long"]]
    results = outcomes(OcrStage(OcrConfig()), folder, rows)
    errors, length, spurious = 0, 0, 0
    for row, columns in zip(rows, results, strict=True):
        count = columns["ocr_num_characters"]
        if row["is_long"]:
            print(f"long text {'passed' if count <= MAX_CHARACTERS else 'over the limit'}: {row['file']} {count}")
            continue
        true, recognised = (letters(text) for text in (row["text"], columns["ocr_text"]))
        errors, length = errors + (Levenshtein.distance(true, recognised) if true else 0), length + len(true)
        spurious += bool(recognised) and not true
        if count > MAX_CHARACTERS >= len(row["text"]):
            print(f"short text over the limit: {row['file']} {count} {columns['ocr_text']!r}")
    long = [
        columns["ocr_num_characters"] > MAX_CHARACTERS
        for row, columns in zip(rows, results, strict=True)
        if row["is_long"]
    ]
    print(f"character error rate {errors / max(1, length):.4f} of {length} (letters and digits, case ignored)")
    print(f"long over the limit {sum(long)} of {len(long)}; text read where there is none: {spurious}")


def domain(folder: Path) -> None:
    rows = [row for row in labelled(folder) if row["domain"]]
    results = outcomes(DomainStage(DomainConfig()), folder, rows)
    table = Counter((row["domain"], columns["domain"]) for row, columns in zip(rows, results, strict=True))
    for true in ("real", "cartoon"):
        right, wrong = table[true, true], sum(n for (a, b), n in table.items() if a == true != b)
        print(f"{true}: {right} of {right + wrong} right ({right / max(1, right + wrong):.4f})")
    print(f"all: {sum(n for (a, b), n in table.items() if a == b) / len(rows):.4f}")
    for row, columns in zip(rows, results, strict=True):
        if row["domain"] != columns["domain"]:
            print(f"  {row['file']}: {row['domain']}, probability of real {columns['domain_score']}")


def letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


if __name__ == "__main__":
    {"ocr": ocr, "domain": domain}[sys.argv[1]](Path(sys.argv[2]))
