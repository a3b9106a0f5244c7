"""A list that grows leaves old partitions alone."""

import random
from pathlib import Path

import pytest
from ingest_run import bring, make_picture, rows, write_files

from vsd2m.core.external_sort import external_sort
from vsd2m.core.finds.partition_plan import PartitionPlan
from vsd2m.core.storage import Store
from vsd2m.pipelines.status import manifest

SIZE = 5


def test_a_list_longer_than_memory_is_sorted_and_equal_names_keep_their_order() -> None:
    pairs = [(f"{random.Random(number).randrange(300):03d}", number) for number in range(1000)]
    assert list(external_sort(iter(pairs), in_memory=70)) == sorted(pairs, key=lambda pair: pair[0])


def test_entries_of_partitions_that_are_gone_are_removed_and_those_that_stay_are_not_written_again(tmp_path) -> None:
    store = Store(str(tmp_path))
    parts = {number: [{"name": f"{number}.gif"}] for number in (1, 5, 6)}
    PartitionPlan.write(store, "ingest", parts.items()).save(length=3)
    written = (tmp_path / "ingest" / "entries" / "000001.jsonl").stat().st_mtime_ns
    del parts[5], parts[6]
    parts[2] = [{"name": "ü.gif"}]
    plan = PartitionPlan.write(store, "ingest", parts.items())
    plan.save(length=2)
    assert {number: plan.entries(number) for number in plan.digests} == parts
    assert sorted(path.name for path in (tmp_path / "ingest" / "entries").iterdir()) == ["000001.jsonl", "000002.jsonl"]
    assert (tmp_path / "ingest" / "entries" / "000001.jsonl").stat().st_mtime_ns == written


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
    assert 1 <= len(touched) <= 6 < len(before)
    rewritten = {path.name for path in (tmp_path / "run" / "ingest").glob("part-*.json")
                 if seconds.get(path.name) != path.stat().st_mtime_ns}  # fmt: skip
    assert rewritten == {f"part-{partition:06d}.json" for partition in touched}
    names = {row["url"] for row in rows(run)}
    assert names == {f"stickers/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.gif")}


def test_a_changed_file_is_read_again(folder: Path, tmp_path: Path) -> None:
    first = {row["url"]: row["key"] for row in rows(bring(folder, tmp_path / "run", partition_files=SIZE))}
    changed = make_picture(700)
    write_files(folder, {"cat/007.gif": changed + bytes((folder / "cat" / "007.gif").stat().st_size - len(changed))})
    second = {row["url"]: row["key"] for row in rows(bring(folder, tmp_path / "run", partition_files=SIZE))}
    assert {url for url in first if first[url] != second[url]} == {"stickers/cat/007.gif"}


def test_two_runs_over_the_same_folder_are_equal_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    first, second = (bring(folder, tmp_path / name, partition_files=SIZE) for name in ("one", "two"))
    assert manifest(first) == manifest(second)


def test_a_folder_that_has_grown_is_brought_as_if_it_had_always_been_so(folder: Path, tmp_path: Path) -> None:
    bring(folder, tmp_path / "grown", partition_files=SIZE)
    write_files(folder, {f"dog/{number}.gif": make_picture(200 + number) for number in range(20)})
    (folder / "cat" / "003.gif").unlink()
    grown, fresh = (bring(folder, tmp_path / name, partition_files=SIZE) for name in ("grown", "fresh"))
    assert manifest(grown) == manifest(fresh)
    assert {path.name for path in (tmp_path / "grown" / "ingest").iterdir()} == {
        path.name for path in (tmp_path / "fresh" / "ingest").iterdir()
    }


def test_an_archive_counts_by_its_size(tmp_path: Path) -> None:
    files = {f"{number}.zip": bytes(200_000) for number in range(4)}
    run = bring(write_files(tmp_path / "s", files), tmp_path / "run", partition_files=SIZE)
    assert len(run.records("ingest")) == 4
