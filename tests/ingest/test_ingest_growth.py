"""A list that grows leaves old partitions alone."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_run import bring, make_picture, rows, write_files

from vsd2m.core.finds.partition_plan import MAX_PARTITION, PartitionPlan, cut
from vsd2m.core.storage import Store
from vsd2m.ingest.external_sort import external_sort
from vsd2m.pipelines.status import manifest

SIZE = 5


def _named(names) -> list[dict]:
    return [{"name": name} for name in sorted(names)]


@given(st.sets(st.text(max_size=4), max_size=80), st.text(max_size=4))
def test_an_added_name_changes_only_the_partition_it_lies_in(names, new_name) -> None:
    before = [tuple(entry["name"] for entry in part) for part in cut(_named(names), SIZE)]
    after = [tuple(entry["name"] for entry in part) for part in cut(_named(names | {new_name}), SIZE)]
    assert [name for part in after for name in part] == sorted(names | {new_name})
    if new_name not in names:
        assert len(set(before) - set(after)) <= 1
        changed = set(after) - set(before)
        assert len(changed) <= 2 and any(new_name in part for part in changed)


def test_partitions_have_the_size_that_was_asked_for_and_never_many_times_that() -> None:
    parts = list(cut(({"name": f"{number:07d}.gif"} for number in range(200_000)), 1000))
    assert 0.8 < 200_000 / len(parts) / 1000 < 1.25
    assert max(map(len, parts)) <= 16_000
    endless = list(cut(({"name": "the same"} for _ in range(1000)), SIZE))
    assert {len(part) for part in endless} <= {MAX_PARTITION * SIZE, 1000 % (MAX_PARTITION * SIZE)}


def test_an_archive_counts_by_its_size() -> None:
    entries = [{"name": f"{number}.tar", "weight": 10_000} for number in range(5)]
    assert [len(part) for part in cut(entries, 1000)] == [1] * 5


def test_a_list_longer_than_memory_is_sorted_and_equal_names_keep_their_order() -> None:
    pairs = [(f"{random.Random(number).randrange(300):03d}", number) for number in range(1000)]
    assert list(external_sort(iter(pairs), in_memory=70)) == sorted(pairs, key=lambda pair: pair[0])


def test_partitions_keep_their_numbers_and_a_gap_is_filled_by_the_next_new_one(tmp_path: Path) -> None:
    def listed(names: str) -> PartitionPlan:
        plan = PartitionPlan.read(Store(str(tmp_path)), "ingest")
        return plan.replace([{"name": name}] for name in names).save(length=len(names))

    def placed() -> str:
        plan = PartitionPlan.read(Store(str(tmp_path)), "ingest")
        assert len(list((tmp_path / "ingest" / "entries").iterdir())) == sum(map(bool, plan.digests))
        return "".join(entries[0]["name"] if (entries := plan.entries(n)) else "-" for n in range(len(plan.digests)))

    for names, expected in [("abcd", "abcd"), ("abd", "ab-d"), ("abde", "abed"), ("bxed", "bxed"), ("b", "b")]:
        if names == "bxed":
            listed(names)
            assert sorted(placed()) == sorted(expected) and placed()[1:] == "bed"
        else:
            listed(names)
            assert placed() == expected.replace("b", "-b", names == "b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "stickers", {f"cat/{number:03d}.gif": make_picture(number) for number in range(60)})


def _outputs(run) -> dict[int, dict[str, str]]:
    return {record.partition: {path: file.sha256 for path, file in record.outputs.items()}
            for record in run.records("ingest")}  # fmt: skip


def test_new_and_removed_files_leave_the_other_partitions_as_they_were(folder: Path, tmp_path: Path) -> None:
    def brought():
        return bring(folder, tmp_path / "run", partition_files=SIZE)

    before = _outputs(brought())
    seconds = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run" / "ingest").glob("part-*.json")}
    assert len(before) > 6
    write_files(folder, {"cat/0305.gif": make_picture(100), "zebra.gif": make_picture(101)})
    (folder / "cat" / "010.gif").unlink()
    run = brought()
    after = _outputs(run)
    touched = {partition for partition in after if after[partition] != before.get(partition)}
    assert 1 <= len(touched) <= 5 < len(before)
    rewritten = {path.name for path in (tmp_path / "run" / "ingest").glob("part-*.json")
                 if seconds.get(path.name) != path.stat().st_mtime_ns}  # fmt: skip
    assert rewritten == {f"part-{partition:06d}.json" for partition in touched}
    names = {row["url"] for row in rows(run)}
    assert names == {f"stickers/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.gif")}


def test_a_changed_file_is_read_again(folder: Path, tmp_path: Path) -> None:
    first = {row["url"]: row["key"] for row in rows(bring(folder, tmp_path / "run", partition_files=SIZE))}
    write_files(folder, {"cat/007.gif": make_picture(700) + b"\0"})
    second = {row["url"]: row["key"] for row in rows(bring(folder, tmp_path / "run", partition_files=SIZE))}
    assert {url for url in first if first[url] != second[url]} == {"stickers/cat/007.gif"}


def test_two_runs_over_the_same_folder_are_equal_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    first, second = (bring(folder, tmp_path / name, partition_files=SIZE) for name in ("one", "two"))
    assert manifest(first) == manifest(second)
