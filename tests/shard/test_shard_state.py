"""Stopping and continuing: with the same ranks, with others, at any sticker; epochs and endless iteration."""

import itertools
import multiprocessing
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vsd2m
from vsd2m.core.errors import ConfigError

TINY = {"num_frames": 1, "size": 1}


def keys(samples) -> list[str]:
    return [sample["key"] for sample in samples]


def load(url, **options):
    return vsd2m.load(url, split="train", **{**TINY, "shuffle": True, "seed": 3, **options})


def ranks(url, world_size, **options):
    return [load(url, rank=rank, world_size=world_size, **{"ends": "ragged", **options}) for rank in range(world_size)]


def in_turns(parts: list[list[str]]) -> list[str]:
    """The ranks' stickers in the order of the epoch."""
    return [key for turn in itertools.zip_longest(*parts) for key in turn if key is not None]


@pytest.fixture(scope="module")
def epochs(shards_url) -> list[list[str]]:
    """The order of three epochs, by one rank without a break."""
    dataset = load(shards_url)
    return [keys(dataset) for _ in range(3)]


@settings(max_examples=12)
@given(before=st.integers(1, 5), after=st.integers(1, 5), stop=st.integers(0, 60), epoch=st.integers(0, 2))
def test_an_epoch_continues_on_another_number_of_ranks_in_the_stated_order(
    shards_url, epochs, before, after, stop, epoch
):
    order = epochs[epoch]
    stop = min(stop, len(order) // before)
    first = ranks(shards_url, before)
    for dataset in first:
        dataset.set_epoch(epoch)
    seen = [keys(itertools.islice(iter(dataset), stop)) for dataset in first]
    assert in_turns(seen) == order[: stop * before]
    states = [pickle.loads(pickle.dumps(dataset.state_dict())) for dataset in first]
    assert all(state == states[0] for state in states), "the state of every rank is the same number"
    rest = []
    for dataset in ranks(shards_url, after):
        dataset.load_state_dict(states[0])
        rest.append(keys(dataset))
    assert in_turns(rest) == order[stop * before :]


@settings(max_examples=10)
@given(stop=st.integers(0, 150))
def test_resuming_continues_as_if_never_stopped(shards_url, epochs, stop):
    uninterrupted = list(itertools.chain(*epochs))
    first = load(shards_url)
    seen = keys(itertools.islice(itertools.chain.from_iterable(itertools.repeat(first, 3)), stop))
    second = load(shards_url)
    second.load_state_dict(first.state_dict())
    rest = itertools.chain.from_iterable(itertools.repeat(second, 4))
    assert seen + keys(itertools.islice(rest, len(uninterrupted) - len(seen))) == uninterrupted


def test_a_count_of_ones_own_is_a_state(shards_url, epochs):
    dataset = load(shards_url)
    dataset.load_state_dict({"epoch": 2, "samples_seen": 7})
    assert keys(dataset) == epochs[2][7:]


def test_every_iteration_that_is_begun_is_an_epoch_and_set_epoch_chooses_one(shards_url, epochs):
    dataset = load(shards_url)
    assert keys(itertools.islice(dataset, 3)) == epochs[0][:3]
    assert keys(itertools.islice(dataset, 3)) == epochs[1][:3]
    dataset.set_epoch(0)
    assert keys(dataset) == epochs[0]
    iter(dataset)  # nothing was asked of this one
    assert keys(dataset) == epochs[1]
    assert dataset.state_dict()["epoch"] == 2


@settings(max_examples=8)
@given(world_size=st.integers(1, 4), count=st.integers(0, 70), resumed=st.integers(1, 4))
def test_a_repeated_data_set_is_epoch_after_epoch_for_ever(shards_url, epochs, world_size, count, resumed):
    endless = list(itertools.chain(*epochs))
    first = ranks(shards_url, world_size, repeat=True, ends=None)
    count = min(count, len(endless) // world_size // 2)
    seen = [keys(itertools.islice(iter(dataset), count)) for dataset in first]
    assert in_turns(seen) == endless[: count * world_size]
    rest = []
    for dataset in ranks(shards_url, resumed, repeat=True, ends=None):
        dataset.load_state_dict(first[0].state_dict())
        rest.append(keys(itertools.islice(iter(dataset), 10)))
    assert in_turns(rest) == endless[count * world_size :][: 10 * resumed]


def test_a_repeated_data_set_has_no_length_and_a_new_iteration_repeats_no_epoch(shards_url, epochs):
    dataset = load(shards_url, repeat=True)
    with pytest.raises(TypeError, match="no length"):
        len(dataset)
    keys(itertools.islice(iter(dataset), len(epochs[0]) + 5))  # into the second epoch
    assert keys(itertools.islice(iter(dataset), 9)) == epochs[2][:9]


@pytest.mark.parametrize(("ends", "world_size"), [("drop", 3), ("pad", 3), ("ragged", 3), ("drop", 5), ("pad", 5)])
def test_ends_are_dropped_padded_or_left(shards_url, epochs, ends, world_size):
    parts = ranks(shards_url, world_size, ends=ends, batch_size=4)
    found = [keys(dataset) for dataset in parts]
    assert [len(part) for part in found] == [len(dataset) for dataset in parts]
    together, order = in_turns(found), epochs[0]
    whole = world_size * 4
    if ends == "drop":
        assert together == order[: len(order) // whole * whole]
    elif ends == "ragged":
        assert together == order
    else:
        assert len(order) % whole
        assert together == (order + order)[: -(-len(order) // whole) * whole]


def test_ends_have_to_be_chosen_for_several_ranks(shards_url):
    with pytest.raises(ConfigError, match='ends must be chosen for 2 ranks: "drop" or "pad"'):
        load(shards_url, rank=0, world_size=2)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "a state has epoch and samples_seen, found nothing"),
        ({"epoch": 1}, "a state has epoch and samples_seen, found epoch"),
        ({"epoch": -1, "samples_seen": 0}, "epoch must be a whole number from 0, found -1"),
        ({"epoch": 0, "samples_seen": 1.5}, "samples_seen must be a whole number"),
        ({"epoch": 0, "samples_seen": 10_000}, "samples_seen is 10000, an epoch has"),
        ({"epoch": 0, "samples_seen": 0, "worker": {"worker": 1}, "taken": 2}, "count the batches"),
    ],
)
def test_what_is_no_state_is_refused(shards_url, state, message):
    with pytest.raises(ConfigError, match=message):
        load(shards_url).load_state_dict(state)


def test_a_state_of_other_options_is_refused(shards_url):
    state = load(shards_url).state_dict()
    for other in ({"num_frames": 2}, {"seed": 4}, {"shuffle": False}, {"mix_shards": 3}, {"static": "exclude"}):
        with pytest.raises(ConfigError, match="other options"):
            load(shards_url, **other).load_state_dict(state)


def first_keys(dataset, count: int) -> list[str]:
    return keys(itertools.islice(iter(dataset), count))


def send_first_keys(dataset, count: int, results) -> None:
    results.put(first_keys(dataset, count))


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_another_process_counts_its_own_epochs(shards_url, epochs, method):
    """Only DataLoader workers share the counter; ranks that were given the data set do not push each other on."""
    dataset, context = load(shards_url), multiprocessing.get_context(method)
    results = context.Queue()
    for _ in range(2):
        process = context.Process(target=send_first_keys, args=(dataset, 4, results))
        process.start()
        assert results.get(timeout=120) == epochs[0][:4]
        process.join()
    assert first_keys(pickle.loads(pickle.dumps(dataset)), 4) == epochs[0][:4]
    assert first_keys(dataset, 4) == epochs[0][:4]


def test_no_process_leaves_its_temporary_file(shards_url, tmp_path):
    """A forked process that iterates has its own counter, whose file ends with it; so does the owner's."""
    script = f"""
import multiprocessing, vsd2m
dataset = vsd2m.load({shards_url!r}, split="train", num_frames=1, size=1)
process = multiprocessing.get_context("fork").Process(target=lambda: next(iter(dataset)))
process.start()
process.join()
assert process.exitcode == 0
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", script], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
