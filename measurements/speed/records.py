"""How long a runner takes to find out that everything is done: commit records and listings only, nothing is computed.

    python measurements/speed/records.py --num-partitions 1250 5000 50000

Writes the records of 13 stages (and empty files as their outputs) below a folder, asks `is_done` of every partition
with records that are kept, and of a few with records that are read each time, as workers of other processes would.
"""

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path

from runner_stages import sleeping_plan

from vsd2m.core.commit import CommitRecord, OutputFile
from vsd2m.core.listing import Listing
from vsd2m.core.run import Run, part_path, record_path, rejects_path
from vsd2m.pipelines.engine.execute import inputs_of, is_done
from vsd2m.pipelines.engine.plan import Plan, PlannedStage

NUM_STAGES = 13
NUM_ASKED_PLAINLY = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-partitions", type=int, nargs="+", default=[1250])
    parser.add_argument("--folder", help="where the records are written, a new folder below it; default: the system's")
    arguments = parser.parse_args()
    for num_partitions in arguments.num_partitions:
        folder = Path(tempfile.mkdtemp(prefix="records-", dir=arguments.folder))
        try:
            measure(folder, num_partitions)
        finally:
            shutil.rmtree(folder)


def measure(folder: Path, num_partitions: int) -> None:
    columns = [f"column_{number}" for number in range(NUM_STAGES - 3)]
    plan = records_plan(folder, columns, num_partitions)
    run = plan.create_run()
    write_records(run, plan, num_partitions)
    begin, cpu_begin = time.perf_counter(), time.process_time()
    knowing = run.remembering(whole_stages=True)
    num_asked = 0
    for planned in plan.stages:
        files = Listing(run.store)
        for partition in partitions_of(planned, num_partitions):
            assert is_done(knowing, planned, partition, retry_failed=False, files=files)
            num_asked += 1
    all_seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
    begin = time.perf_counter()
    assert is_done(knowing, plan.stage("group"), None, retry_failed=False)
    table_seconds = time.perf_counter() - begin
    last = plan.stages[-1]
    begin = time.perf_counter()
    for partition in range(NUM_ASKED_PLAINLY):
        assert is_done(run, last, partition, retry_failed=False)
    plain_seconds = (time.perf_counter() - begin) / NUM_ASKED_PLAINLY
    print(
        f"{num_partitions:>6} partitions x {NUM_STAGES} stages: all {num_asked} asked in {all_seconds:.1f} s, "
        f"{cpu_seconds:.1f} s of CPU time ({1000 * cpu_seconds / num_asked:.3f} ms each); a table stage, records known: {table_seconds:.2f} s; "
        f"one partition, each record read: {1000 * plain_seconds:.1f} ms",
        flush=True,
    )


def records_plan(folder: Path, columns: list[str], num_partitions: int) -> Plan:
    stages: dict[str, dict[str, object]] = {}
    for number, column in enumerate(columns):
        if number == len(columns) // 2:
            stages["group"] = {"stage": "runner_stages:Group", "reads": columns[number - 1]}
        stages[column] = {"reads": columns[number - 1] if number else "urls", "is_new": True}
    return sleeping_plan(str(folder), num_partitions=num_partitions, stages=stages)


def partitions_of(planned: PlannedStage, num_partitions: int) -> list[int | None]:
    if planned.kind == "table":
        return [None]
    return [0] if planned.kind == "file" else list(range(num_partitions))


def write_records(run: Run, plan: Plan, num_partitions: int) -> None:
    """Records whose inputs are those before them, with random digests of outputs that are empty files."""
    chance = random.Random(0)
    knowing = run.remembering(whole_stages=False)
    for planned in plan.stages:
        (Path(run.store.url) / planned.name).mkdir()
        for partition in partitions_of(planned, num_partitions):
            written = range(num_partitions) if partition is None else [partition]
            paths = [
                path
                for number in written
                for path in (part_path(planned.name, number), rejects_path(planned.name, number))
            ]
            for path in paths:
                (Path(run.store.url) / path).touch()
            record = CommitRecord(
                stage=planned.name,
                partition=partition,
                identity=planned.identity,
                inputs=inputs_of(knowing, planned, partition),
                outputs={path: OutputFile(sha256=f"{chance.getrandbits(256):064x}", num_bytes=0) for path in paths},
                num_read=1,
                num_kept=1,
                num_dropped=0,
                num_failed=0,
                reasons={},
                versions=planned.versions,
                config=planned.stage.config.model_dump(mode="json"),
                seconds=0.0,
                num_computed=1,
            )
            (Path(run.store.url) / record_path(planned.name, partition)).write_bytes(record.to_bytes())
            knowing.remember(record)


if __name__ == "__main__":
    main()
