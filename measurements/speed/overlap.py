"""How busy a GPU is kept that follows a CPU stage of equal speed: both stages sleep, the GPU is pretended.

    python measurements/speed/overlap.py --runner ray --num-partitions 40 --seconds 1

Prints the share of the time, from the first partition of the CPU stage to the end, in which the GPU stage was busy.
"""

import argparse
import tempfile

from runner_stages import sleeping_plan

from vsd2m.core.run import Run
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.scheduling.timeline import bar_of, busy_share, newest_spans, stage_times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", choices=("local", "ray"), default="ray")
    parser.add_argument("--num-partitions", type=int, default=40)
    parser.add_argument("--num-cpus", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each partition, in both stages")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = run_it(folder, arguments)
        spans = newest_spans(run.store)
        for row in stage_times(run.store):
            print(f"{row.stage:<10} {row.started:7.1f} s to {row.ended:7.1f} s  {bar_of(row.activity)}")
    cpu, gpu = (
        [span for span in spans if span.pool.removeprefix("stage ") == name] for name in ("entropy", "sharpness")
    )
    first, last = min(span.ended for span in cpu), max(span.ended for span in gpu)
    print(
        f"after the first partition the GPU was busy {busy_share(gpu, since=first, until=last):.1%} of {last - first:.1f} s"
    )


def run_it(folder: str, arguments: argparse.Namespace) -> Run:
    stages = {"entropy": {"seconds": arguments.seconds}, "sharpness": {"seconds": arguments.seconds, "num_gpus": 1}}
    plan = sleeping_plan(folder, num_partitions=arguments.num_partitions, stages=stages)
    if arguments.runner == "local":
        return run_local(plan, num_workers=arguments.num_cpus)
    import ray

    from vsd2m.pipelines.cluster.ray_runner import run_ray

    ray.init("local", num_cpus=arguments.num_cpus, num_gpus=1, include_dashboard=False, logging_level="ERROR")
    return run_ray(plan)


if __name__ == "__main__":
    main()
