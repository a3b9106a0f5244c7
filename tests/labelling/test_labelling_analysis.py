import math
import re
from dataclasses import replace

import numpy as np
import pytest
from preference_builders import Labeller, make_study

from vsd2m.core.errors import ConfigError
from vsd2m.labelling.preference.questions import QUESTIONS
from vsd2m.labelling.preference.responses import Check, Choice
from vsd2m.labelling.preference.results.analysis import AnalysisConfig, analyse
from vsd2m.labelling.preference.results.attention import judge_attention
from vsd2m.labelling.preference.results.choices import analyse_choices
from vsd2m.labelling.preference.results.results_page import as_html, write_results
from vsd2m.labelling.preference.results.summary import as_text, who_was_counted

STRENGTHS = {"red": 1.5, "green": 0.5, "blue": -0.5, "grey": -1.5}
RATINGS = {"red": 5, "green": 4, "blue": 3, "grey": 1}


def simulate(study, name, labeller):
    """Answers everything as `labeller` would; the test looks up the models for them."""
    study.join(name)
    with study.transaction() as connection:
        names = dict(
            connection.execute("SELECT sticker, model.name FROM generated JOIN model USING (model)").fetchall()
        )
    while (screen := study.screen(name)) is not None:
        questions = QUESTIONS[screen.kind]
        values = labeller.answers(
            screen.text, [names[sticker] for sticker in screen.stickers], screen.kind, len(questions)
        )
        study.answer(name, screen.number, {q.name: v for q, v in zip(questions, values, strict=True)}, duration_ms=700)


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """Nine attentive labellers with one taste, and one who does not read and likes the opposite."""
    study = make_study(tmp_path_factory.mktemp("preference"), num_prompts=12, trials_per_check=4)
    for index in range(9):
        simulate(study, f"labeller {index}", Labeller(STRENGTHS, RATINGS, seed=index))
    against = {model: -4 * strength for model, strength in STRENGTHS.items()}
    simulate(study, "sloth", Labeller(against, RATINGS, attentive=False, seed=99))
    return study.responses()


@pytest.fixture(scope="module")
def analysis(answered):
    return analyse(answered, AnalysisConfig(num_resamples=300))


def test_known_strengths_lie_within_their_intervals(analysis):
    for result in analysis.choices:
        assert not result.has_prior
        for entry in result.models:
            assert entry.strength.low < STRENGTHS[entry.model] < entry.strength.high
            assert entry.win_rate.low < entry.win_rate.value < entry.win_rate.high
        assert sum(entry.win_rate.value for entry in result.models) == pytest.approx(1, abs=1e-5)
        assert result.preferred[0][1] + result.preferred[1][0] == pytest.approx(1, abs=1e-5)


def test_the_inattentive_labeller_is_left_out_and_that_is_stated(answered, analysis):
    assert [entry.labeller for entry in analysis.attention if entry.excluded] == ["sloth"]
    assert analysis.num_left_out == 12 * (2 + 5)
    assert analysis.answers_per_prompt == (9, 9)
    assert "Excluded: sloth, who passed " in as_text(analysis)
    everybody = analyse(answered, AnalysisConfig(num_resamples=100, min_checks_passed=0))
    assert everybody.num_left_out == 0
    assert everybody.choices[0].models[0].win_rate.value < analysis.choices[0].models[0].win_rate.value


def test_ratings_recover_the_order_and_agree(analysis):
    for result in analysis.ratings:
        means = [entry.mean.value for entry in result.models]
        assert means == sorted(means, reverse=True)
        assert result.alpha > 0.7


def test_labellers_with_one_taste_choose_alike_more_often_than_by_chance(analysis):
    odds = [math.exp(strength) for strength in STRENGTHS.values()]
    same = sum(o * o for o in odds) / sum(odds) ** 2
    for result in analysis.choices:
        assert result.same_choice == pytest.approx(same, abs=0.1)
        assert abs(result.alpha) < 0.15  # no prompt differs from another, so that alpha has nothing to tell


def test_the_same_answers_give_the_same_page(answered, analysis):
    again = analyse(answered, AnalysisConfig(num_resamples=300))
    assert as_html("A study", again) == as_html("A study", analysis)


def test_the_page_needs_nothing_from_elsewhere_and_escapes_names(analysis):
    page = as_html("<script>alert(1)</script>", analysis)
    assert "<script" not in page
    references = re.findall(r"(?:src|href)\s*=\s*\"?([^\" >]*)|url\(([^)]*)", page)
    assert {part for pair in references for part in pair if part and not part.startswith("#")} == set()
    assert "@import" not in page
    assert page.count("<svg") == 5
    assert "nan" not in page.lower().replace("resonant", "")


def test_the_page_is_for_phones_and_dark_screens_too(analysis, tmp_path, check_page):
    write_results(tmp_path / "report.html", "A study", analysis)
    check_page(tmp_path / "report.html")


def test_no_answers_are_an_error_in_one_line(tmp_path):
    study = make_study(tmp_path, num_prompts=2)
    with pytest.raises(ConfigError, match="no answers to analyse"):
        analyse(study.responses(), AnalysisConfig())


def test_a_single_answer_can_already_be_reported(tmp_path):
    study = make_study(tmp_path, num_prompts=2)
    study.join("ada")
    study.answer("ada", 0, {"quality": 1, "interest": 2}, duration_ms=1)
    early = analyse(study.responses(), AnalysisConfig(num_resamples=100))
    assert early.choices[0].has_prior and early.choices[0].alpha is None and early.ratings == []
    assert "weak prior" in as_text(early) and "<svg" in as_html("early", early)


def test_the_limit_of_passed_checks_is_inclusive_and_nobody_without_checks_is_left_out():
    checks = [Check("three of four", passed) for passed in (True, True, True, False)]
    checks += [Check("two of four", passed) for passed in (True, True, False, False)]
    judged = judge_attention(["three of four", "two of four", "none"], checks, min_passed=0.75)
    assert [entry.excluded for entry in judged] == [False, True, False]


def test_fewer_than_nine_labellers_are_called_few(answered, analysis):
    assert not any("Fewer than 9" in sentence for sentence in who_was_counted(analysis))
    some = answered.without(frozenset(answered.labellers[:2]))
    few = replace(
        some, labellers=some.labellers[2:], checks=tuple(c for c in some.checks if c.labeller in some.labellers[2:])
    )
    assert any(
        "Fewer than 9" in sentence for sentence in who_was_counted(analyse(few, AnalysisConfig(num_resamples=100)))
    )


def test_intervals_of_strengths_hold_the_truth_where_people_and_prompts_differ():
    """Nine labellers with tastes of their own around a common one: what a new nine would say must be covered."""
    theta = np.array([0.9, 0.0, -0.9])
    names = ("a", "b", "c")
    covered = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        tastes = theta + 0.3 * rng.normal(size=(9, 3))
        noisy = tastes[:, None] + rng.gumbel(size=(9, 20, 3))
        choices = [
            Choice(str(who), what, "quality", names, names[int(noisy[who, what].argmax())])
            for who in range(9)
            for what in range(20)
        ]
        result = analyse_choices("quality", choices, names, num_resamples=100, seed=seed)
        covered += [e.strength.low <= t <= e.strength.high for e, t in zip(result.models, theta, strict=True)]
    assert np.mean(covered) > 0.85
