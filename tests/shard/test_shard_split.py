"""The split and the packing plan."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from vsd2m.core.errors import ConfigError
from vsd2m.shard.split import SplitConfig, SplitStage

SCHEMA = {"key": pl.String, "trigger_words": pl.List(pl.String), "domain": pl.String, "duplicate_group": pl.String}


def table(stickers: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(stickers, schema=SCHEMA, orient="row")


def many(num: int, *, domain: str | None = "real", words: tuple[str, ...] = ("a", "b", "c")) -> list[tuple]:
    return [(f"{domain}{i:04d}", [words[i % len(words)]], domain, f"{domain}{i:04d}") for i in range(num)]


def split_of(result) -> dict[str, str]:
    return dict(result.kept.select("key", "split").iter_rows())


STICKERS = st.lists(
    st.tuples(
        st.lists(st.sampled_from("abcdef"), max_size=3, unique=True),
        st.sampled_from(["real", "cartoon", None]),
        st.integers(0, 12),
    ),
    max_size=60,
).map(lambda drawn: [(f"k{i:03d}", words, domain, f"g{group}") for i, (words, domain, group) in enumerate(drawn)])


@settings(max_examples=60)
@given(STICKERS, st.randoms(), st.integers(1, 4), st.integers(1, 7))
def test_the_outcome_does_not_depend_on_the_order_of_the_rows(stickers, random, per_word, per_shard):
    stage = SplitStage(SplitConfig(per_word=per_word, stickers_per_shard=per_shard, max_test_share=0.5))
    shuffled = list(stickers)
    random.shuffle(shuffled)
    first, second = stage.process_table(table(stickers)), stage.process_table(table(shuffled))
    assert first.kept.equals(second.kept)
    assert first.rejects.equals(second.rejects)


@settings(max_examples=60)
@given(STICKERS, st.floats(0, 1), st.integers(1, 7))
def test_every_sticker_is_kept_or_rejected_and_no_group_is_on_both_sides(stickers, share, per_shard):
    stage = SplitStage(SplitConfig(max_test_share=share, per_word=3, stickers_per_shard=per_shard))
    result = stage.process_table(table(stickers))
    assert sorted([*result.kept["key"], *result.rejects["key"]]) == sorted(key for key, *_ in stickers)
    split, groups = split_of(result), {key: group for key, _, _, group in stickers}
    train = {groups[key] for key, name in split.items() if name == "train"}
    test = {groups[key] for key, name in split.items() if name != "train"}
    assert not train & test
    in_test = [groups[key] for key, name in split.items() if name != "train"]
    assert len(in_test) == len(set(in_test))
    for domain, name in (("real", "vsd_r"), ("cartoon", "vsd_c")):
        of_domain = [key for key, _, found, _ in stickers if found == domain]
        chosen = [key for key in split if split[key] == name]
        assert set(chosen) <= set(of_domain)
        assert len(chosen) <= share * len(of_domain)


@settings(max_examples=40)
@given(STICKERS, st.integers(1, 7))
def test_shards_are_filled_in_order_without_holes(stickers, per_shard):
    kept = SplitStage(SplitConfig(stickers_per_shard=per_shard)).process_table(table(stickers)).kept
    for (split,), part in kept.partition_by("split", as_dict=True).items():
        places = sorted(part.select("shard", "shard_index").iter_rows())
        expected = [(f"vsd2m-{split}-{i // per_shard:06d}", i % per_shard) for i in range(part.height)]
        assert places == expected


def test_the_most_frequent_words_of_each_domain_get_one_sticker_each():
    stickers = many(60, words=("z", "z", "z", "y", "y", "a")) + many(60, domain="cartoon", words=("c", "d", "d"))
    result = SplitStage(SplitConfig(num_words=2, max_test_share=1.0)).process_table(table(stickers))
    words = {key: found for key, found, *_ in stickers}
    chosen = {key: name for key, name in split_of(result).items() if name != "train"}
    assert sorted((name, words[key][0]) for key, name in chosen.items()) == [
        ("vsd_c", "c"),
        ("vsd_c", "d"),
        ("vsd_r", "y"),
        ("vsd_r", "z"),
    ]


def test_the_cap_takes_one_sticker_of_many_words_before_a_second_of_any():
    stickers = many(20, words=("a", "b", "c", "d"))
    result = SplitStage(SplitConfig(per_word=5, max_test_share=0.2)).process_table(table(stickers))
    words = [words[0] for key, words, *_ in stickers if split_of(result)[key] == "vsd_r"]
    assert sorted(words) == ["a", "b", "c", "d"]


def test_another_seed_chooses_other_stickers():
    stickers = table(many(200))
    first, second = (split_of(SplitStage(SplitConfig(seed=seed)).process_table(stickers)) for seed in (0, 1))
    assert first != second


def test_stickers_without_domain_or_words_stay_in_train():
    stickers = [*many(10, domain=None), ("x", [], "real", "x")]
    result = SplitStage(SplitConfig(max_test_share=1.0)).process_table(table(stickers))
    assert set(split_of(result).values()) == {"train"}


def test_near_duplicates_of_a_test_sticker_are_rejected_with_the_reason():
    stickers = [(f"k{i}", ["a"], "real", "same") for i in range(4)] + many(4, words=("z",))
    result = SplitStage(SplitConfig(max_test_share=1.0)).process_table(table(stickers))
    [test] = [key for key, name in split_of(result).items() if name == "vsd_r" and key.startswith("k")]
    assert sorted(result.rejects["key"]) == sorted({f"k{i}" for i in range(4)} - {test})
    assert set(result.rejects["reason"]) == {"near_duplicate_of_test"}
    assert set(result.rejects["detail"]) == {f"of {test}"}


def test_a_persons_review_decides_alone(tmp_path):
    review = tmp_path / "review.json"
    review.write_text(json.dumps({"vsd_r": ["real0003", "gone"], "vsd_c": ["None0001"]}))
    stickers = table(many(10) + many(3, domain=None))
    stage = SplitStage(SplitConfig(review=str(review)))
    chosen = {key: name for key, name in split_of(stage.process_table(stickers)).items() if name != "train"}
    assert chosen == {"real0003": "vsd_r", "None0001": "vsd_c"}


def test_an_edited_review_invalidates_the_stage(tmp_path):
    review = tmp_path / "review.json"
    review.write_text('{"vsd_r": []}')
    stage = SplitStage(SplitConfig(review=str(review)))
    before = stage.model_versions()
    review.write_text('{"vsd_r": ["a"]}')
    assert stage.model_versions() != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "not JSON"),
        ("[]", "must be"),
        ('{"train": []}', "must be"),
        ('{"vsd_r": "a"}', "list of keys"),
        ('{"vsd_r": ["a"], "vsd_c": ["a"]}', "both"),
    ],
)
def test_a_wrong_review_is_refused_in_one_line(tmp_path, text, message):
    review = tmp_path / "review.json"
    review.write_text(text)
    with pytest.raises(ConfigError, match=message):
        SplitStage(SplitConfig(review=str(review))).process_table(table(many(3)))


def test_a_missing_review_names_the_file(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.json"):
        SplitStage(SplitConfig(review=str(tmp_path / "no.json"))).process_table(table(many(3)))


def test_choice_and_shards_are_those_of_every_version_until_the_stages_version_is_raised():
    """Written down once: a released data set must be made again as it was."""
    stickers = table(many(9) + many(6, domain="cartoon") + many(2, domain=None))
    config = SplitConfig(stickers_per_shard=5, max_test_share=0.34, seed=3)
    kept = SplitStage(config).process_table(stickers).kept
    shards: dict[str, list[str]] = {}
    for key, _, shard, _ in sorted(kept.rows(), key=lambda row: row[2:]):
        shards.setdefault(shard, []).append(key)
    assert shards == {
        "vsd2m-train-000000": ["None0001", "cartoon0000", "None0000", "real0002", "real0004"],
        "vsd2m-train-000001": ["cartoon0005", "real0008", "cartoon0004", "real0006", "real0000"],
        "vsd2m-train-000002": ["real0007", "cartoon0002"],
        "vsd2m-vsd_c-000000": ["cartoon0003", "cartoon0001"],
        "vsd2m-vsd_r-000000": ["real0003", "real0005", "real0001"],
    }
    assert kept["key"].is_sorted() and kept.schema["shard_index"] == pl.Int32


@pytest.mark.parametrize(
    ("name", "default", "least", "greatest"),
    [
        ("num_words", 500, 0, None),
        ("per_word", 1, 1, None),
        ("max_test_share", 0.2, 0, 1),
        ("stickers_per_shard", 1000, 1, None),
        ("seed", 0, 0, None),
    ],
)
def test_an_option_has_its_default_and_its_range(name, default, least, greatest):
    assert getattr(SplitConfig(), name) == default
    for value, beyond in ((least, -1), (greatest, 1)):
        if value is not None:
            assert getattr(SplitConfig(**{name: value}), name) == value
            with pytest.raises(ValidationError, match="should be (less|greater) than or equal to"):
                SplitConfig(**{name: value + beyond})


def test_near_duplicates_stay_together_unless_they_are_not_asked_for():
    stickers = table([(f"k{i}", ["a"], "real", "same") for i in range(6)])
    for use, num_kept, reads in ((True, 1, {"duplicate_group"}), (False, 6, set())):
        stage = SplitStage(SplitConfig(use_duplicate_groups=use, max_test_share=0.2))
        result = stage.process_table(stickers)
        assert len(result.kept) == num_kept and len(result.rejects) == 6 - num_kept
        assert list(split_of(result).values()).count("vsd_r") == 1
        assert {"duplicate_group"} & set(stage.spec.reads) == reads


def test_without_a_review_no_file_is_part_of_the_identity():
    assert SplitStage(SplitConfig()).model_versions() == {}
    assert SplitConfig(review="a").output_fields() == SplitConfig(review="b").output_fields()
