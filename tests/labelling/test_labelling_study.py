import json
import sqlite3
import threading
from collections import Counter

import pytest
from preference_builders import COLOURS, Labeller, make_outputs, make_study

from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.labelling.application.task_folder import DATABASE
from vsd2m.labelling.preference.config import StudyConfig
from vsd2m.labelling.preference.paired_outputs import pair_by_prompt
from vsd2m.labelling.preference.questions import QUESTIONS
from vsd2m.labelling.preference.study import PreferenceStudy, create_study


def first_values(study, name):
    return {question.name: 1 for question in QUESTIONS[study.screen(name).kind]}


def answer_everything(study, name):
    study.join(name)
    while (screen := study.screen(name)) is not None:
        study.answer(name, screen.number, first_values(study, name), duration_ms=10)


def test_every_trial_is_handed_out_once_and_answers_come_back_by_name(tmp_path):
    study = make_study(tmp_path, num_prompts=6, trials_per_check=3)
    answer_everything(study, "ada")
    responses = study.responses()
    assert len(responses.choices) == 2 * 6 and len(responses.ratings) == 5 * 6 and len(responses.checks) == 4
    assert all(
        choice.chosen_model == choice.shown_models[0] and set(choice.shown_models) == set(COLOURS)
        for choice in responses.choices
    )


def test_an_answer_sent_twice_counts_once_and_the_first_stands(tmp_path):
    study = make_study(tmp_path, num_prompts=3)
    study.join("ada")
    number = study.screen("ada").number
    assert study.answer("ada", number, {"quality": 1, "interest": 2}, duration_ms=5)
    assert not study.answer("ada", number, {"quality": 3, "interest": 3}, duration_ms=5)
    with sqlite3.connect(study.folder / DATABASE) as connection:
        stored = connection.execute("SELECT question, value FROM answer ORDER BY question").fetchall()
    connection.close()
    assert stored == [("interest", 2), ("quality", 1)]


def test_many_threads_that_send_the_same_answers_and_join_at_once_count_once(tmp_path):
    study = make_study(tmp_path, num_prompts=3)
    failures = []

    def work(name):
        try:
            study.join(name)
            for number in range(3):
                kind = study.screen(name)
                if kind is not None and kind.kind == "choose":
                    study.answer(name, number, {"quality": 1, "interest": 1}, duration_ms=1)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"labeller {index % 4}",)) for index in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(study.progress()) == 4
    with sqlite3.connect(study.folder / DATABASE) as connection:
        assert connection.execute("SELECT count(*) FROM answer").fetchone()[0] == 4 * 3 * 2
        assert sorted(row[0] for row in connection.execute("SELECT seat FROM labeller")) == [0, 1, 2, 3]
    connection.close()


def test_a_labeller_goes_on_where_they_stopped_even_after_the_study_is_opened_anew(tmp_path):
    study = make_study(tmp_path, num_prompts=5)
    name = study.join("  Ada   Lovelace ")
    for _ in range(3):
        study.answer(name, study.screen(name).number, first_values(study, name), duration_ms=1)
    reopened = PreferenceStudy(study.folder)
    assert reopened.join("ADA lovelace") == name
    assert reopened.screen(name) == study.screen(name)
    assert reopened.screen(name).number == 3
    assert [(p.num_answered, len(study.progress())) for p in reopened.progress()] == [(3, 1)]


def test_full_seats_are_balanced_in_what_was_really_shown(tmp_path):
    study = make_study(tmp_path, num_prompts=4)
    for index in range(4):
        answer_everything(study, f"labeller {index}")
    choices = [choice for choice in study.responses().choices if choice.question == "quality"]
    places = Counter((model, place) for choice in choices for place, model in enumerate(choice.shown_models))
    assert set(places.values()) == {4}
    assert set(Counter(rating.model for rating in study.responses().ratings).values()) == {4 * 5}


def test_nothing_that_labellers_get_tells_the_model(tmp_path):
    study = make_study(tmp_path, num_prompts=4)
    study.join("ada")
    screen = study.screen("ada")
    told = f"{screen} {[study.media(sticker) for sticker in screen.stickers]}".replace(str(tmp_path), "")
    assert not any(model in told for model in COLOURS)
    other = create_study(tmp_path / "again", {m: tmp_path / "outputs" / m for m in COLOURS}, StudyConfig())
    other.join("ada")
    assert not set(other.screen("ada").stickers) & set(screen.stickers)


def test_the_study_holds_copies_so_that_outputs_may_go(tmp_path):
    study = make_study(tmp_path, num_prompts=2)
    study.join("ada")
    (tmp_path / "outputs" / "red" / "000000.gif").unlink()
    for sticker in study.screen("ada").stickers:
        path, content_type = study.media(sticker)
        assert content_type == "image/gif" and path.read_bytes()[:6] == b"GIF89a"
    assert study.media("../labelling.sqlite") is None


@pytest.mark.parametrize(
    ("number", "values", "message"),
    [
        (0, {"quality": 1}, "expected answers to"),
        (0, {"quality": 1, "interest": 5}, "from 1 to 4, found"),
        (0, {"quality": 0, "interest": 1}, "from 1 to 4"),
        (999, {"quality": 1, "interest": 1}, "no trial 999"),
    ],
)
def test_answers_that_make_no_sense_are_refused(tmp_path, number, values, message):
    study = make_study(tmp_path, num_prompts=2)
    study.join("ada")
    with pytest.raises(ConfigError, match=message):
        study.answer("ada", number, values, duration_ms=1)
    with pytest.raises(ConfigError, match="no labeller 'eve'"):
        study.screen("eve")
    with pytest.raises(ConfigError, match="1 to 60 letters"):
        study.join("   ")


def test_prompts_are_paired_and_repeated_prompts_keep_their_order(tmp_path):
    one = make_outputs(tmp_path / "one", "red", ["cat", "dog", "cat", "only here"])
    two = make_outputs(tmp_path / "two", "blue", ["dog", "cat", "cat", "cat"])
    paired = pair_by_prompt({"one": one, "two": two})
    assert [(pair.prompt, *(path.name for path in pair.files)) for pair in paired] == [
        ("cat", "000000.gif", "000001.gif"),
        ("dog", "000001.gif", "000000.gif"),
        ("cat", "000002.gif", "000002.gif"),
    ]


def test_mistakes_are_named(tmp_path):
    red = make_outputs(tmp_path / "red", "red", ["cat"])
    blue = make_outputs(tmp_path / "blue", "blue", ["dog"])
    with pytest.raises(ConfigError, match="no common prompts"):
        pair_by_prompt({"red": red, "blue": blue})
    with pytest.raises(ConfigError, match="at least two models"):
        pair_by_prompt({"red": red})
    with pytest.raises(StorageError, match="manifest.jsonl"):
        pair_by_prompt({"red": red, "blue": tmp_path})
    (blue / "manifest.jsonl").write_text(json.dumps({"file": "gone.gif", "prompt": "cat"}) + "\n")
    with pytest.raises(StorageError, match=r"manifest.jsonl: there is no file .*gone.gif"):
        pair_by_prompt({"red": red, "blue": blue})
    (blue / "manifest.jsonl").write_text("{}\n")
    with pytest.raises(ConfigError, match="line 1: every line needs the keys `file` and `prompt`"):
        pair_by_prompt({"red": red, "blue": blue})
    with pytest.raises(StorageError, match="there is no labelling task"):
        PreferenceStudy(tmp_path / "nowhere")


def test_an_existing_study_is_never_overwritten_and_a_failed_one_leaves_nothing(tmp_path):
    study = make_study(tmp_path, num_prompts=2)
    outputs = {model: tmp_path / "outputs" / model for model in COLOURS}
    with pytest.raises(ConfigError, match="already exists"):
        create_study(study.folder, outputs, StudyConfig())
    (tmp_path / "outputs" / "blue" / "000001.gif").write_bytes(b"<html>not a picture</html>")
    with pytest.raises(StorageError, match="not a sticker that browsers can show"):
        create_study(tmp_path / "second", outputs, StudyConfig())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", "study"]


def test_the_labellers_of_the_tests_follow_their_taste():
    labeller = Labeller({"red": 20.0, "blue": 0.0}, {"red": 5, "blue": 1}, seed=0)
    assert labeller.answers("a cat", ["blue", "red"], "choose", 2) == [2, 2]
    assert labeller.answers(
        "Are you still reading? Please choose sticker 1 for both questions.", ["blue", "red"], "choose", 2
    ) == [1, 1]
