"""The JSON in the tars: one type per field, whatever a sticker lacks."""

from vsd2m.pipelines.engine.stages import contract
from vsd2m.shard.columns import json_columns, json_facts


def test_a_sticker_that_lacks_everything_has_the_same_types_as_a_full_one():
    columns = json_columns(list(contract()), contract())
    full = {name: example(name) for name in columns}
    empty = {name: [] if isinstance(full[name], list) else None for name in columns}
    a, b = (json_facts({"key": "k", **row}, columns, contract()) for row in (full, empty))
    assert a == {"key": "k", **full}
    assert shapes(a) == shapes(b)


def test_places_in_the_run_and_numbers_that_may_be_absent_stay_out():
    columns = json_columns(list(contract()), contract())
    assert not {"media_tar", "media_offset", "ocr_score", "domain_score", "fingerprint"} & set(columns)
    assert {"caption_zh", "trigger_words", "durations_ms", "num_frames", "licences"} <= set(columns)


def example(name: str):
    kind = str(contract()[name].type)
    if kind.startswith("list"):
        return ["text"] if "string" in kind else [40]
    return "text" if kind == "string" else 7


def shapes(facts: dict) -> dict:
    return {name: (type(value), type(value[0]) if isinstance(value, list) else None) for name, value in facts.items()}
