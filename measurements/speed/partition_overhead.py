"""What a partition costs beside its work: partitions of one sticker through a stage that does nothing.

    python measurements/speed/partition_overhead.py --num-partitions 5000 --num-cpus 2

Prints milliseconds per partition of the local runner, of the Ray runner, and of plain Ray tasks that read and write
files of the same number, in one process; the workers have started before the clock does.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from runner_stages import sleeping_plan

from vsd2m.pipelines.cluster.ray_runner import run_ray
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.scheduling.timeline import newest_spans

FILES_PER_PARTITION = 3  # columns, rejects, commit record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-partitions", type=int, default=500)
    parser.add_argument("--num-cpus", type=int, default=2)
    arguments = parser.parse_args()
    import ray

    ray.init("local", num_cpus=arguments.num_cpus, include_dashboard=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        plans = {
            name: sleeping_plan(f"{folder}/{name}", num_partitions=arguments.num_partitions, stages={"entropy": {}})
            for name in ("local", "ray")
        }
        local = run_local(plans["local"], num_workers=arguments.num_cpus)
        on_ray = run_ray(plans["ray"])
        plain_seconds = plain_tasks(ray, Path(folder), arguments.num_partitions)
        for name, seconds in (
            ("local runner", runner_seconds(local)),
            ("Ray runner", runner_seconds(on_ray)),
            ("plain Ray tasks", plain_seconds / arguments.num_partitions),
        ):
            print(f"{name:<16} {1000 * seconds:7.1f} ms per partition, {arguments.num_cpus} cores")


def runner_seconds(run: Any) -> float:
    """Seconds between two results of the stage, from its second result of each worker on."""
    spans = [span for span in newest_spans(run.store) if span.pool.removeprefix("stage ") == "entropy"]
    ends = sorted(span.ended for span in spans)
    later = ends[len(ends) // 10 :]
    return (later[-1] - later[0]) / (len(later) - 1)


def plain_tasks(ray: Any, folder: Path, num_partitions: int) -> float:
    """Seconds of as many tasks as there are partitions, each of which reads a file and writes three."""
    source = folder / "source"
    source.write_bytes(bytes(3000))

    def work(number: int) -> int:
        data = source.read_bytes()
        for part in range(FILES_PER_PARTITION):
            (folder / f"{number}-{part}").write_bytes(data)
        return number

    task = ray.remote(work)
    ray.get([task.remote(-number) for number in range(1, 9)])
    begin = time.perf_counter()
    ray.get([task.remote(number) for number in range(num_partitions)])
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
