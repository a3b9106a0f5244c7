"""The cluster runner: plain Ray actors, one pool per stage, partitions flowing from pool to pool."""

from collections.abc import Callable
from functools import partial
from typing import Any

from vsd2m.core.commit import CommitRecord
from vsd2m.core.run import Run
from vsd2m.core.stage import FileStage
from vsd2m.core.storage_faults import Retries
from vsd2m.pipelines.cluster.ray_cluster import Cluster, connected
from vsd2m.pipelines.cluster.ray_workers import RayBackend
from vsd2m.pipelines.cluster.visibility import check_visible
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.exclusive import exclusive
from vsd2m.pipelines.engine.execute import run_file_partition
from vsd2m.pipelines.engine.partition_worker import PartitionWork, StickerWorker
from vsd2m.pipelines.engine.plan import Plan, PlannedStage, make_plan
from vsd2m.pipelines.engine.progress import Observer, Silent
from vsd2m.pipelines.engine.stage_process import StageProcess
from vsd2m.pipelines.scheduling.conductor import run_flow
from vsd2m.pipelines.scheduling.machines import Node, Request, fitting_request
from vsd2m.pipelines.scheduling.pools import Pool
from vsd2m.pipelines.scheduling.workers import PATIENCE_SECONDS

RECYCLE_AFTER = 64  # partitions a worker runs before a new one replaces it: native libraries leak memory


@exclusive
def run_ray(
    plan: Plan,
    *,
    observer: Observer | None = None,
    retry_failed: bool = False,
    address: str | None = None,
    num_cpus: int | None = None,
    patience_s: float = PATIENCE_SECONDS,
) -> Run:
    """Like `run_local`, on a Ray cluster (`address`) or on this machine's cores; the outputs are the same bytes.

    `StageError` before the first stage if a stage needs more than any machine of the cluster has, or if a machine does
    not see the run's folder, and later if nothing could run for `patience_s` because no such machine is left.
    """
    observer = observer or Silent()
    with connected(Cluster(address, num_cpus)) as ray:
        backend = RayBackend(ray)
        nodes = backend.nodes()
        pools = {planned.name: _pool(plan, planned, nodes, observer) for planned in _distributed(plan)}
        run = plan.create_run()
        check_visible(ray, run.store)
        remembering = run.remembering(whole_stages=True)
        host = ray.util.get_node_ip_address()
        run_flow(
            remembering, plan, pools, backend, observer, retry_failed=retry_failed, patience_s=patience_s, host=host
        )
        return run


def _distributed(plan: Plan) -> list[PlannedStage]:
    """The stages whose partitions go to workers: sticker stages, and file stages after the root or with workers."""
    root = next(number for number, planned in enumerate(plan.stages) if planned.kind == "table")
    with_workers = [planned for planned in plan.stages[:root] if _max_workers(planned) > 1]
    return [*with_workers, *(planned for planned in plan.stages[root:] if planned.kind != "table")]


def _max_workers(planned: PlannedStage) -> int:
    """The most workers that a stage before the root may have."""
    return planned.stage.num_workers if isinstance(planned.stage, FileStage) else 1


def _pool(plan: Plan, planned: PlannedStage, nodes: list[Node], observer: Observer) -> Pool:
    resources = planned.stage.spec.resources
    name = f"stage {planned.name}"
    return Pool(
        name=name,
        request=fitting_request(nodes, Request(resources.num_cpus, resources.num_gpus), who=name),
        make=partial(_partition_runner, plan.config, planned.name),
        recycle_after=RECYCLE_AFTER,
        has_second_tries=planned.kind == "sticker",
        max_workers=_max_workers(planned) if _max_workers(planned) > 1 else None,
        on_start=lambda partition: observer.partition_started(planned.name, partition, None),
        on_progress=partial(observer.stickers_done, planned.name) if planned.kind == "sticker" else None,
    )


def _partition_runner(
    config: PipelineConfig, stage: str, shared: str | None = None
) -> Callable[[Any], CommitRecord | None]:
    """In a worker: runs and commits partitions of one stage, its models loaded at the first.

    `shared` is the address of what partitions of a file stage share.
    """
    run = Run.open(config.run, retries=Retries(config.storage_patience_s))
    run = run.remembering(whole_stages=False)
    planned = make_plan(config).stage(stage)
    if isinstance(planned.stage, FileStage):
        planned.stage.join(shared)
        return partial(run_file_partition, run, planned)
    worker = StickerWorker(run, planned, StageProcess(config), max_failed_share=config.max_failed_share)
    return PartitionWork(worker, Silent())
