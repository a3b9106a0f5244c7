"""Preparations of every runner: checks the machine, and locks the run's folder."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from vsd2m.core.folder_lock import folder_lock
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.plan import Plan

P = ParamSpec("P")


def exclusive(runner: Callable[Concatenate[Plan, P], Run]) -> Callable[Concatenate[Plan, P], Run]:
    """`runner`, which checks that the machine has what the plan needs and holds the folder's lock while it runs.

    Two runs of one folder would delete each other's spools and outputs: `LockedError` if another process holds it.
    """

    @functools.wraps(runner)
    def run_locked(plan: Plan, /, *args: P.args, **kwargs: P.kwargs) -> Run:
        plan.check_machine()
        with folder_lock(plan.config.open_store()):
            return runner(plan, *args, **kwargs)

    return run_locked
