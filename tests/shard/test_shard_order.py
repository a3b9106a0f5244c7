"""Who gets which sticker when: for any number of ranks and workers, any stop, and any division afterwards."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsd2m.core.errors import ConfigError
from vsd2m.shard.loading.order import DealOptions, Division, EpochOrder, end_of_epoch

sizes_of_shards = st.lists(st.integers(0, 9), max_size=8)
divisions = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))  # ranks, workers, batch size


def order_of(sizes, *, shuffle=True, seed=0, epoch=0, mix_shards=4) -> list[tuple[int, int]]:
    order = EpochOrder(sizes, shuffle=shuffle, seed=seed, epoch=epoch, mix_shards=mix_shards)
    return [order[position] for position in range(len(order))]


def worker_batches(division: Division, start: int, end: int) -> list[list[int]]:
    """What a DataLoader's worker hands over: its positions, a batch at a time."""
    positions = (start + division.position(taken) for taken in itertools.count())
    own = list(itertools.takewhile(lambda position: position < end, positions))
    return [own[first : first + division.batch_size] for first in range(0, len(own), division.batch_size)]


def rank_batches(rank, world_size, num_workers, batch_size, start, end) -> list[list[int]]:
    """What a rank's DataLoader hands over: its workers in turn, those that have ended left out."""
    divisions = [Division(rank, world_size, batch_size, worker, num_workers) for worker in range(num_workers)]
    queues = [worker_batches(division, start, end) for division in divisions]
    turns = itertools.zip_longest(*queues)
    return [batch for turn in turns for batch in turn if batch is not None]


def all_ranks(world_size, num_workers, batch_size, start, end) -> list[list[list[int]]]:
    return [rank_batches(rank, world_size, num_workers, batch_size, start, end) for rank in range(world_size)]


def test_a_rank_without_workers_takes_every_batch_of_its_own():
    assert [Division(1, 2, 3).position(taken) for taken in range(7)] == [1, 3, 5, 7, 9, 11, 13]
    assert [Division(0, 1, 2, worker=1, num_workers=2).position(taken) for taken in range(4)] == [2, 3, 6, 7]


@given(sizes_of_shards, st.booleans(), st.integers(0, 5), st.integers(0, 5), st.integers(1, 12))
def test_an_epochs_order_has_every_row_once(sizes, shuffle, seed, epoch, mix_shards):
    order = order_of(sizes, shuffle=shuffle, seed=seed, epoch=epoch, mix_shards=mix_shards)
    rows = [(shard, row) for shard, size in enumerate(sizes) for row in range(size)]
    assert sorted(order) == rows
    if not shuffle:
        assert order == rows


@settings(max_examples=300)
@given(
    num_stickers=st.integers(0, 120), before=divisions, after=divisions, stop=st.integers(0, 40)
)  # fmt: skip
def test_every_sticker_is_seen_once_in_order_whatever_the_division_before_and_after_a_stop(
    num_stickers, before, after, stop
):
    world_size, _, batch_size = before
    per_step = world_size * batch_size
    first = [rank[:stop] for rank in all_ranks(*before, 0, num_stickers)]
    num_seen = min(stop * per_step, num_stickers)
    seen = sorted(position for rank in first for batch in rank for position in batch)
    assert seen == list(range(num_seen)), "what was seen is the beginning of the order"
    for step in range(stop):
        together = sorted(position for rank in first if step < len(rank) for position in rank[step])
        assert together == list(range(min(step * per_step, num_seen), min((step + 1) * per_step, num_seen)))
    rest = [position for rank in all_ranks(*after, num_seen, num_stickers) for batch in rank for position in batch]
    assert sorted(rest) == list(range(num_seen, num_stickers))


@settings(max_examples=300)
@given(
    num_stickers=st.integers(0, 400),
    start=st.integers(0, 60),
    division=divisions,
    ends=st.sampled_from(["drop", "pad"]),
)
def test_all_ranks_have_equally_many_equally_large_batches(num_stickers, start, division, ends):
    world_size, _, batch_size = division
    end = end_of_epoch(num_stickers, start=start, batch=world_size * batch_size, ends=ends)
    batches = all_ranks(*division, start, end)
    assert len({tuple(map(len, rank)) for rank in batches}) == 1
    assert {len(batch) for rank in batches for batch in rank} <= {batch_size}
    left, lost = max(num_stickers - start, 0), max(num_stickers - start, 0) - (end - start)
    assert 0 <= lost < world_size * batch_size if ends == "drop" else 0 <= -lost < world_size * batch_size
    assert left or end == start


@given(
    num_stickers=st.integers(0, 200),
    world_size=st.integers(1, 5),
    num_workers=st.integers(1, 6),
    batch_size=st.integers(1, 7),
)
def test_ranks_stay_equal_when_the_loader_is_not_told_the_batch_size(num_stickers, world_size, num_workers, batch_size):
    """The DataLoader then makes batches of what each worker has; some are short, but the same ones on every rank."""
    end = end_of_epoch(num_stickers, start=0, batch=world_size, ends="drop")
    counts = set()
    for rank in range(world_size):
        own = [Division(rank, world_size, 1, worker, num_workers) for worker in range(num_workers)]
        per_worker = [sum(map(len, worker_batches(division, 0, end))) for division in own]
        counts.add(sum(-(-count // batch_size) for count in per_worker))
    assert len(counts) == 1


@given(num_stickers=st.integers(1, 100), batch_size=st.integers(1, 6), ranks=st.integers(1, 3))
def test_batches_come_in_the_same_order_for_any_number_of_workers(num_stickers, batch_size, ranks):
    several = [all_ranks(ranks, num_workers, batch_size, 0, num_stickers) for num_workers in (1, 2, 3, 5)]
    assert all(batches == several[0] for batches in several)


def test_orders_differ_by_seed_and_epoch_and_repeat():
    sizes = [30, 20, 25, 9]
    orders = [order_of(sizes, seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(map(tuple, orders))) == 4
    assert order_of(sizes, seed=1, epoch=1) == orders[3]


def stored_neighbours(order: list[tuple[int, int]], sizes: list[int]) -> np.ndarray:
    """How far apart rows that lie side by side in a shard come up in an epoch."""
    position = {row: index for index, row in enumerate(order)}
    return np.array(
        [
            abs(position[shard, row] - position[shard, row + 1])
            for shard, size in enumerate(sizes)
            for row in range(size - 1)
        ]
    )


def test_shuffling_mixes_as_many_shards_as_asked_for_and_opens_each_once():
    sizes = [200] * 64
    order = order_of(sizes, mix_shards=16)
    batches = [{shard for shard, _ in order[first : first + 256]} for first in range(0, len(order), 256)]
    assert min(map(len, batches)) >= 16
    assert max(map(len, batches)) <= 32  # where one shard ends, its lane begins the next
    opened, recent = 0, []
    for shard, _ in order:
        opened += shard not in recent
        recent = [*(other for other in recent if other != shard), shard][-16:]
    assert opened == len(sizes)


def test_neighbours_in_a_shard_end_up_far_apart():
    sizes = [200] * 64
    distances = stored_neighbours(order_of(sizes, mix_shards=16), sizes)
    window = 16 * 200
    assert distances.mean() == pytest.approx(window / 3, rel=0.05)  # as far as in a full shuffle of 16 shards
    assert (distances < 256).mean() == pytest.approx(1 - (1 - 256 / window) ** 2, abs=0.02)  # seldom in one batch
    alone = stored_neighbours(order_of(sizes, mix_shards=1), sizes)
    assert alone.mean() == pytest.approx(200 / 3, rel=0.05)


def test_a_rank_of_several_needs_a_part_of_the_shards():
    order = order_of([50] * 64, mix_shards=16)
    for rank in range(8):
        assert len({shard for shard, _ in order[rank::8]}) == 8


def test_a_position_outside_of_the_epoch_is_an_index_error():
    order = EpochOrder([3], shuffle=True, seed=0, epoch=0, mix_shards=2)
    with pytest.raises(IndexError):
        order[3]
    with pytest.raises(IndexError):
        order[-1]


def test_dropping_everything_is_refused(shards_url):
    import vsd2m

    with pytest.raises(ConfigError, match='ends="drop" drops all'):
        vsd2m.load(shards_url, split="vsd_r", num_frames=1, size=1, batch_size=50, rank=0, world_size=8, ends="drop")


def test_the_order_of_an_epoch_is_that_of_every_version():
    """Written down once: a training that is resumed by another version must see the rest of the same order."""
    order = [(0, 0), (1, 1), (0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1), (1, 3)]
    assert order_of([3, 4, 2], seed=1, epoch=2, mix_shards=2) == order


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": 2}, r"rank must be in 0..1 \(world_size 2\), found 2"),
        ({"rank": -1}, "found -1"),
        ({"batch_size": 0}, "batch_size must be at least 1, found 0"),
        ({"mix_shards": 0}, "mix_shards must be at least 1, found 0"),
        ({"ends": "stop"}, "ends must be one of drop, pad, ragged, found 'stop'"),
    ],
)
def test_a_wrong_division_is_refused(changes, message):
    values = {"shuffle": True, "seed": 0, "mix_shards": 1, "rank": 1, "world_size": 2, "batch_size": 1,
              "ends": "pad", "repeat": False}  # fmt: skip
    options = DealOptions(**values)
    assert options.global_batch == 2 and options.end(5) == 6 and options.end(5, start=2) == 6
    with pytest.raises(ConfigError, match=message):
        DealOptions(**{**values, **changes})


@pytest.mark.parametrize(("ends", "end"), [("drop", 7), ("pad", 11), ("ragged", 10)])
def test_an_epoch_ends_with_whole_batches_or_where_the_stickers_end(ends, end):
    assert end_of_epoch(10, start=3, batch=4, ends=ends) == end
    assert end_of_epoch(10, start=12, batch=4, ends=ends) == 12
