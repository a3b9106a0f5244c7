"""The runners, by name."""

from vsd2m.core.errors import ConfigError
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.plan import Plan
from vsd2m.pipelines.engine.progress import Observer

RUNNERS = ("local", "ray")


def run_plan(
    plan: Plan,
    *,
    runner: str = "local",
    observer: Observer | None = None,
    retry_failed: bool = False,
    address: str | None = None,
    num_workers: int = 1,
) -> Run:
    """Runs `plan` on `num_workers` cores of this machine (`local`) or on a Ray cluster; both write the same bytes."""
    if runner == "ray":
        from vsd2m.pipelines.cluster.ray_runner import run_ray

        return run_ray(plan, observer=observer, retry_failed=retry_failed, address=address)
    if runner != "local":
        raise ConfigError(f"--runner: unknown runner {runner!r}; known: {', '.join(RUNNERS)}")
    from vsd2m.pipelines.engine.local import run_local

    return run_local(plan, observer=observer, retry_failed=retry_failed, num_workers=num_workers)
