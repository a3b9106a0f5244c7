import numpy as np
import polars as pl
import pytest
from filter_clips import DURATIONS, character, filled, lossy, row, table
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vsd2m.core.errors import StageError
from vsd2m.core.keys import sticker_key
from vsd2m.filter.duplicates.candidates import links
from vsd2m.filter.duplicates.distance import distances
from vsd2m.filter.duplicates.groups import Measured, divide, joined
from vsd2m.filter.duplicates.unpacked import unpacked
from vsd2m.filter.near_duplicates import NearDuplicatesConfig, NearDuplicatesStage
from vsd2m.media.fingerprints.fingerprint import fingerprint

STAGE = NearDuplicatesStage(NearDuplicatesConfig())
TOLERANT = NearDuplicatesStage(NearDuplicatesConfig(max_distance=1.35))  # finds more copies, and drops other stickers
TEXTS = ["hello", "good night", "NO WAY", "thanks!", "sorry", "yes"]


def groups(rows, stage=STAGE) -> dict[str, str]:
    """name-key -> winner-key of every sticker."""
    result = stage.process_table(table(rows))
    kept = dict(result.kept.select("key", "duplicate_group").iter_rows())
    return {**kept, **dict(result.rejects.select("key", "detail").iter_rows())}


ORIGINAL = character(4)
COPIES = {
    "lossy": lossy(ORIGINAL),
    "smaller": np.ascontiguousarray(character(4, size=80)),
    "white": filled(ORIGINAL, (255, 255, 255)),
    "green": filled(ORIGINAL, (40, 160, 70)),
    "black": filled(ORIGINAL, (0, 0, 0)),
    "cropped": ORIGINAL[:, 4:-3, 3:-5],
    "padded": np.pad(ORIGINAL, ((0, 0), (6, 6), (6, 6), (0, 0))),
    "lost a frame": np.delete(ORIGINAL, 3, axis=0),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_changed_copy_is_found(change):
    copy = COPIES[change]
    found = groups([row("original", ORIGINAL, num_bytes=5000), row(change, copy, DURATIONS[: len(copy)])])
    assert len(set(found.values())) == 1


@pytest.mark.parametrize("side", [160, 102])
def test_a_lettered_sticker_is_found_again_in_another_size_and_format_by_a_tolerant_limit(side):
    for text in TEXTS[:3]:
        copy = lossy(np.ascontiguousarray(character(4, text=text, size=side)))
        found = groups([row("original", character(4, text=text), num_bytes=5000), row("copy", copy)], TOLERANT)
        assert len(set(found.values())) == 1, text


@pytest.mark.parametrize("colour", [(0, 0, 0), (40, 160, 70), (255, 255, 255)])
def test_a_figure_that_fills_the_border_is_found_on_a_new_background_by_a_tolerant_limit(colour):
    """So much of the border is figure that in the copy no background is told."""
    wide = np.ascontiguousarray(ORIGINAL[:, 22:78, 34:94])
    copy = filled(wide, colour)
    words = np.array([fingerprint(copy, DURATIONS), fingerprint(wide, DURATIONS)], dtype=np.uint64)
    assert [unpacked(line).has_silhouette for line in words] == [False, True]
    found = groups([row("original", wide, num_bytes=5000), row("copy", copy)], TOLERANT)
    assert len(set(found.values())) == 1


def test_a_copy_of_a_full_picture_is_found_after_its_border_was_cut():
    coarse = np.random.default_rng(8).integers(0, 255, (9, 9, 3), dtype=np.uint8)
    photo = np.asarray(Image.fromarray(coarse).resize((200, 200), Image.Resampling.BICUBIC).convert("RGBA"))
    found = groups([row("photo", photo[None], [100]), row("cut", photo[None, 8:-4, 6:-9], [100])])
    assert len(set(found.values())) == 1


def test_one_character_with_and_without_a_small_thing_are_two_stickers():
    holding = ORIGINAL.copy()
    holding[:, 20:30, 90:100] = (250, 200, 30, 255)
    rows = [row("without", ORIGINAL), row("with", holding)]
    assert len(set(groups(rows).values())) == 2
    assert len(set(groups(rows, TOLERANT).values())) == 1


def test_a_still_picture_is_no_duplicate_of_an_animation_that_shows_it_and_the_other_way_round():
    poster = ORIGINAL[:1]
    blinking = np.repeat(poster, 8, axis=0)
    blinking[7, 40:46, 40:46] = (0, 0, 0, 255)
    words = np.array([fingerprint(poster, [100]), fingerprint(blinking, DURATIONS)], dtype=np.uint64)
    assert distances(words, np.array([0]), np.array([1]), 0.0) < STAGE.config.max_distance
    for num_bytes in (1500, 2500):  # whichever of them would win
        rows = [
            row("poster", poster, [100], num_bytes=num_bytes), row("poster again", lossy(poster), [100]),
            row("animation", blinking, num_bytes=2000), row("animation again", lossy(blinking)),
        ]  # fmt: skip
        found = list(groups(rows).values())
        assert sorted(found.count(winner) for winner in set(found)) == [2, 2]
        assert groups(rows)[rows[1]["key"]] == rows[0]["key"] and groups(rows)[rows[3]["key"]] == rows[2]["key"]


def test_frames_that_are_all_the_same_make_a_still_picture():
    repeated = {**row("repeated", np.repeat(ORIGINAL[:1], 8, axis=0)), "num_distinct_frames": 1}
    assert len(set(groups([row("still", ORIGINAL[:1], [100]), repeated]).values())) == 1


def test_other_texts_under_one_character_are_other_stickers():
    rows = [row(text, character(4, text=text)) for text in TEXTS] + [row("without", ORIGINAL)]
    assert len(set(groups(rows).values())) == len(TEXTS) + 1


def test_other_characters_and_other_courses_after_one_first_frame_stay_apart():
    rows = [row(f"character {seed}", character(seed)) for seed in range(30)]
    turned = ORIGINAL.copy()
    turned[1:] = turned[:1, :, ::-1]
    upside = ORIGINAL.copy()
    upside[1:] = upside[1:, ::-1]
    rows += [row("turned", turned), row("upside", upside)]
    assert len(set(groups(rows).values())) == 32


def many() -> list[dict[str, object]]:
    rows = [row(f"c{seed}", character(seed, text=TEXTS[seed % 6]), num_bytes=2000 + seed) for seed in range(12)]
    rows += [row(f"lossy{seed}", lossy(character(seed, text=TEXTS[seed % 6]))) for seed in range(0, 12, 2)]
    rows += [row(f"grey{s}", filled(character(s, text=TEXTS[s % 6]), (90, 90, 90))) for s in range(0, 12, 3)]
    return rows


def test_groups_do_not_depend_on_order_or_partitions():
    frame = table(many())
    result = STAGE.process_table(frame)
    assert len(result.rejects) == 10
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(frame))
        mixed = frame[order.tolist()].with_columns(partition=pl.Series(order % 3, dtype=pl.Int32))
        again = STAGE.process_table(mixed)
        assert again.kept.sort("key").equals(result.kept.sort("key"))
        assert again.rejects.sort("key").equals(result.rejects.sort("key"))
        kept = set(again.kept["key"])
        assert again.kept["key"].to_list() == [key for key in mixed["key"] if key in kept]


def test_every_sticker_is_kept_or_dropped_once_and_its_winner_is_kept():
    rows = many()
    result = STAGE.process_table(table(rows))
    keys = result.kept["key"].to_list() + result.rejects["key"].to_list()
    assert sorted(keys) == sorted(str(r["key"]) for r in rows)
    assert set(result.rejects["detail"]) <= set(result.kept["key"])
    assert (result.rejects["value"] <= result.rejects["limit"]).all()
    assert set(result.rejects["reason"]) == {"near_duplicate"}
    members = 1 + result.rejects.group_by("detail").len().rename({"detail": "key"}).sort("key")["len"].cast(pl.Int32)
    in_groups = result.kept.filter(pl.col("duplicate_group_size") > 1).sort("key")
    assert in_groups["duplicate_group_size"].to_list() == members.to_list()


def test_the_best_copy_wins_by_pixels_then_frames_then_bytes_then_key():
    def winner(rows):
        return STAGE.process_table(table(rows)).kept["key"].to_list()

    small, large = row("small", character(4, size=90), num_bytes=9999), row("large", ORIGINAL)
    assert winner([small, large]) == [large["key"]]
    fewer = {**row("fewer", ORIGINAL, num_bytes=9999), "num_distinct_frames": 7}
    assert winner([fewer, large]) == [large["key"]]
    heavy = row("heavy", ORIGINAL, num_bytes=2000)
    assert winner([large, heavy]) == [heavy["key"]]
    twins = [row(name, ORIGINAL) for name in ("a", "b", "c")]
    assert winner(twins) == [min(str(twin["key"]) for twin in twins)]


def test_stickers_that_show_nothing_are_no_one_s_duplicates():
    blank = np.zeros((2, 40, 40, 4), np.uint8)
    rows = [row("blank", blank, [50, 50]), row("void", blank, [50, 50]), row("face", ORIGINAL)]
    found = groups(rows)
    assert found[sticker_key(b"blank")] != found[sticker_key(b"void")]


def test_nothing_gives_nothing():
    result = STAGE.process_table(table([]))
    assert len(result.kept) == len(result.rejects) == 0
    assert result.rejects.columns == ["key", "reason", "value", "limit", "detail"]


@pytest.mark.parametrize("fingerprint", [[1, 2, 3], None])
def test_a_fingerprint_of_another_version_is_refused(fingerprint):
    with pytest.raises(StageError, match="run the probe stage again"):
        STAGE.process_table(table([row("face", ORIGINAL), {**row("old", ORIGINAL), "fingerprint": fingerprint}]))


@settings(deadline=None)  # compiles at the first call
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_joining_families_over_arrays_is_union_find(drawn):
    count, edges = drawn
    parent = list(range(count))

    def root(node):
        while parent[node] != node:
            node = parent[node]
        return node

    for one, other in edges:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    assert joined(np.arange(count), ends[:, 0], ends[:, 1]).tolist() == [root(node) for node in range(count)]


@given(st.lists(st.dictionaries(st.integers(0, 99), st.floats(0, 9, width=32), max_size=9), max_size=5))
def test_what_was_measured_is_looked_up_as_in_a_dictionary(lots):
    known, measured = {}, Measured.nothing()
    for lot in lots:
        new = {pair: value for pair, value in sorted(lot.items()) if pair not in known}
        known |= new
        measured = measured.added(np.array(list(new), np.int64), np.array(list(new.values()), np.float32))
    found = measured.look_up(np.arange(100)).tolist()
    assert [None if np.isnan(value) else value for value in found] == [known.get(pair) for pair in range(100)]


def test_links_are_the_same_whatever_the_order_of_the_lines():
    words = np.array([character_words(seed) for seed in range(9) for _ in range(9)], dtype=np.uint64)
    rank = np.random.default_rng(0).permutation(len(words))
    order = np.random.default_rng(1).permutation(len(words))

    def by_rank(words, rank):
        return [sorted(zip(rank[a].tolist(), rank[b].tolist(), strict=True)) for a, b in links(words, rank)]

    assert by_rank(words, rank) == by_rank(words[order], rank[order])


def test_a_chain_of_likenesses_is_taken_apart_by_its_winner():
    """Nearly every step of a slow change is near to the one before, the ends are strangers."""
    first, last = (character(seed, background=(255, 255, 255, 255)).astype(float) for seed in (3, 9))
    steps = [(first + (last - first) * t).round().astype(np.uint8) for t in np.linspace(0, 1, 24)]
    words = np.array([fingerprint(frames, DURATIONS) for frames in steps], dtype=np.uint64)
    rank = np.arange(len(words))
    chain = np.zeros(len(words), np.int64)
    found = divide(words, rank, chain, 1.4)
    places = np.arange(len(words))
    assert (distances(words, places[:-1], places[1:], 1.4) <= 1.4).mean() > 0.9
    assert 1 < len(np.unique(found.winner)) < len(words)
    assert (distances(words, found.winner, places, 1.4) <= 1.4).all()
    assert (found.winner <= places).all()


def character_words(seed: int) -> list[int]:
    return fingerprint(character(seed), DURATIONS)
