"""Seconds and peak memory of listing millions of files for ingest: joined with a table, divided into partitions.

python measurements/speed/listing.py [--num-files 2000000] [--folder FOLDER]

The names come from a generator in the place of a disk, in random order, with a row of a CSV for each. Then one file is
added and the list is made again: how many partitions have changed. Peak memory is that of the whole process.
"""

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from vsd2m.core.finds.partition_plan import PartitionPlan
from vsd2m.core.partitioning import partition_stream
from vsd2m.core.storage import Store
from vsd2m.ingest.config import IngestConfig
from vsd2m.ingest.entries import ListCounts, list_entries
from vsd2m.ingest.listing import ListedFile, Place


class GeneratedPlace(Place):
    """A folder of files that are never on a disk."""

    def __init__(self, folder: str, num_files: int) -> None:
        super().__init__(folder)
        self.num_files = num_files

    def list_files(self, *, follow_symlinks: bool) -> Iterator[ListedFile]:
        for number in range(self.num_files):
            yield ListedFile(file_name(number), 30_000, "1700000000000000000")


def file_name(number: int) -> str:
    digest = hashlib.md5(str(number).encode()).hexdigest()
    return f"{digest[:2]}/{digest[2:4]}/{digest[4:20]}.gif"


def write_table(path: Path, num_files: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("file,words,caption\n")
        file.writelines(f"{file_name(number)},cat;wave,a cat waves {number}\n" for number in range(num_files))


def make_plan(folder: Path, num_files: int, partition_files: int) -> tuple[PartitionPlan, ListCounts, float]:
    started = time.perf_counter()
    counts = ListCounts()
    config = IngestConfig(path=str(folder / "stickers"), partition_files=partition_files)
    entries = list_entries(GeneratedPlace(config.path, num_files), config, (".tar",), counts)
    plan = PartitionPlan.write(Store(str(folder / "run")), "ingest", partition_stream(entries, partition_files))
    return plan, counts, time.perf_counter() - started


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num-files", type=int, default=2_000_000)
    parser.add_argument("--partition-files", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where temporary files go; default: the system's temporary folder")
    arguments = parser.parse_args()
    before = peak_mib()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as temporary:
        folder = Path(temporary)
        (folder / "stickers").mkdir()
        write_table(folder / "stickers" / "metadata.csv", arguments.num_files)
        first, counts, seconds = make_plan(folder, arguments.num_files, arguments.partition_files)
        first.save()
        print(f"{counts.num_files:,} files, {counts.num_rows:,} rows, {len(first.digests):,} partitions")
        print(f"listed in {seconds:.1f} s, peak memory {peak_mib():.0f} MiB ({before:.0f} before the start)")
        again, _, seconds = make_plan(folder, arguments.num_files + 1, arguments.partition_files)
        changed = {number for number, digest in again.digests.items() if first.digests.get(number) != digest}
        print(f"one file more: {len(changed)} partitions changed, listed in {seconds:.1f} s")


if __name__ == "__main__":
    main()
