from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsd2m.labelling.preference.config import StudyConfig
from vsd2m.labelling.preference.design import balanced_row, plan_seat, prompts_of_seat


def real_trials(seats, kind, **settings):
    num_prompts, num_models = settings.pop("num_prompts"), settings.pop("num_models")
    config = StudyConfig(**settings)
    for seat in seats:
        for trial in plan_seat(seat, num_prompts=num_prompts, num_models=num_models, config=config):
            if trial.kind == kind and trial.expected is None:
                yield seat, trial


@given(num_models=st.integers(2, 9), prompt=st.integers(0, 50), block=st.integers(0, 5))
def test_every_model_stands_in_every_place_once_in_a_block_of_visits(num_models, prompt, block):
    rows = [balanced_row(prompt, block * num_models + v, num_models) for v in range(num_models)]
    for place in range(num_models):
        assert sorted(row[place] for row in rows) == list(range(num_models))


@given(num_models=st.integers(2, 9), visit=st.integers(0, 50), block=st.integers(0, 5))
def test_every_model_stands_in_every_place_once_in_a_block_of_prompts(num_models, visit, block):
    rows = [balanced_row(block * num_models + p, visit, num_models) for p in range(num_models)]
    for place in range(num_models):
        assert sorted(row[place] for row in rows) == list(range(num_models))


@pytest.mark.parametrize("num_models", range(2, 10))
def test_every_model_follows_every_other_equally_often(num_models):
    visits = num_models * (1 + num_models % 2)
    follows = Counter(pair for v in range(visits) for pair in pairwise(balanced_row(0, v, num_models)))
    assert len(follows) == num_models * (num_models - 1)
    assert len(set(follows.values())) == 1


@given(num_prompts=st.integers(1, 30), share=st.floats(0.05, 1), num_seats=st.integers(1, 30))
def test_prompts_are_dealt_equally_often_and_never_twice_to_one_labeller(num_prompts, share, num_seats):
    per_labeller = max(1, int(share * num_prompts))
    seats = [list(prompts_of_seat(seat, num_prompts, per_labeller)) for seat in range(num_seats)]
    assert all(len({prompt for prompt, _ in seat}) == per_labeller for seat in seats)
    counts = Counter(prompt for seat in seats for prompt, _ in seat)
    assert max(counts.values()) - min(counts[prompt] for prompt in range(num_prompts)) <= 1
    assert sorted(pair for seat in seats for pair in seat) == sorted({pair for seat in seats for pair in seat})


@pytest.mark.parametrize(
    ("num_models", "shown", "num_seats", "per_labeller"), [(4, 4, 8, 12), (5, 3, 10, 6), (6, 2, 12, 4)]
)
def test_a_whole_study_is_balanced_in_places_prompts_and_ratings(num_models, shown, num_seats, per_labeller):
    settings = {
        "num_prompts": 12,
        "num_models": num_models,
        "stickers_per_choice": shown,
        "prompts_per_labeller": per_labeller,
    }
    settings["rated_per_prompt"] = 1
    places, rated, seen = Counter(), Counter(), Counter()
    for _, trial in real_trials(range(num_seats * num_models), "choose", **settings):
        seen[trial.prompt] += 1
        places.update((model, place) for place, model in enumerate(trial.models))
    for _, trial in real_trials(range(num_seats * num_models), "rate", **settings):
        rated[trial.prompt, trial.models[0]] += 1
    assert len(set(seen.values())) == 1
    assert len(places) == num_models * shown and len(set(places.values())) == 1
    assert len(rated) == 12 * num_models and max(rated.values()) - min(rated.values()) <= 1


def test_checks_are_mixed_in_and_never_come_first():
    config = StudyConfig(trials_per_check=5)
    for seat in range(20):
        trials = plan_seat(seat, num_prompts=20, num_models=4, config=config)
        assert sum(trial.expected is not None for trial in trials) == 8
        first_of_part = [trials[0], next(trial for trial in trials if trial.kind == "rate")]
        assert all(trial.expected is None for trial in first_of_part)


def test_the_seed_alone_decides_the_arrangement():
    plans = [plan_seat(3, num_prompts=9, num_models=4, config=StudyConfig(seed=seed)) for seed in (7, 7, 8)]
    assert plans[0] == plans[1] != plans[2]
