"""Partitions by content: small, complete, and left alone by names that are not theirs."""

from hypothesis import given
from hypothesis import strategies as st

from vsd2m.core.partitioning import NUM_BITS, name_hash, partition_names, partition_stream

NAMES = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=60)


@given(NAMES, st.integers(1, 9))
def test_every_name_is_in_one_partition_and_keeps_its_place(names, max_size) -> None:
    partitions = partition_names(names, max_size=max_size)
    assert sorted(name for part in partitions.values() for name in part) == sorted(names)
    assert all(1 <= len(part) <= max_size for part in partitions.values())
    assert all(part == sorted(part, key=names.index) for part in partitions.values())
    assert list(partitions) == sorted(partitions)


@given(NAMES.filter(len), st.integers(1, 9), st.data())
def test_a_name_that_is_added_or_removed_changes_the_partition_it_falls_into_alone(names, max_size, data) -> None:
    added = data.draw(st.sampled_from(names))
    others = [name for name in names if name != added]
    before, after = partition_names(others, max_size=max_size), partition_names(names, max_size=max_size)
    gone = [number for number, part in before.items() if after.get(number) != part]
    new = [number for number, part in after.items() if before.get(number) != part]
    assert len(gone) <= 1, "one partition grew or was divided"
    assert len(new) <= 2
    assert sorted(name for number in new for name in after[number]) == sorted(
        [added, *(name for number in gone for name in before[number])]
    )


def test_the_order_of_names_and_a_larger_number_of_them_leave_the_numbers_alone() -> None:
    names = [f"word {number}" for number in range(1000)]
    partitions = partition_names(names, max_size=100)
    backwards = partition_names(reversed(names), max_size=100)
    assert {number: sorted(part) for number, part in backwards.items()} == {
        number: sorted(part) for number, part in partitions.items()
    }
    assert 10 <= len(partitions) <= 20
    assert partition_names(names[:3], max_size=100) == {0: names[:3]}


def test_partitions_are_those_of_every_version() -> None:
    """Written down once: a crawl that is resumed by another version must find its partitions again."""
    words = ["cat", "dog", "hello", "good night", "晚安", "panda", "wow"]
    expected = {3: ["hello"], 4: ["cat", "晚安"], 5: ["panda", "wow"], 6: ["dog", "good night"]}
    assert partition_names(words, max_size=2) == expected


def test_a_name_given_twice_is_divided_no_further_than_its_hash_goes() -> None:
    assert list(partition_names(["cat", "cat", "dog"], max_size=1).values()) == [["dog"], ["cat", "cat"]]
    (deepest,) = [number for number, part in partition_names(["cat"] * 2, max_size=1).items() if len(part) == 2]
    assert 2**64 - 1 <= deepest < 2**65 - 1


DISTANT_HASHES = st.integers(0, 2**24 - 1).map(lambda number: number << (NUM_BITS - 24))
HASHES = st.lists(st.tuples(DISTANT_HASHES, st.integers(1, 6)), max_size=40).map(sorted)


@given(HASHES, st.integers(1, 9))
def test_a_stream_is_divided_by_weight_and_an_entry_heavier_than_a_partition_stands_alone(hashes, max_size) -> None:
    parts = list(partition_stream(((number, weight, (number, weight)) for number, weight in hashes), max_size))
    assert [entry for _, part in parts for entry in part] == hashes
    for _, part in parts:
        assert sum(weight for _, weight in part) <= max_size or len({number for number, _ in part}) == 1


@given(NAMES, st.integers(1, 9))
def test_a_stream_has_the_partitions_of_a_list(names, max_size) -> None:
    stream = sorted((name_hash(name), 1, name) for name in names)
    parts = {number: sorted(part) for number, part in partition_stream(stream, max_size)}
    assert parts == {number: sorted(part) for number, part in partition_names(names, max_size=max_size).items()}


def test_only_one_partition_of_a_stream_is_read_ahead() -> None:
    names = sorted((name_hash(f"{number}.gif"), 1, number) for number in range(20_000))
    num_read = 0

    def counted():
        nonlocal num_read
        for entry in names:
            num_read += 1
            yield entry

    num_taken = 0
    for _, part in partition_stream(counted(), 100):
        num_taken += len(part)
        assert num_read - num_taken <= 101
    assert num_taken == 20_000
