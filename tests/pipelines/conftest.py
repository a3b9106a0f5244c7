from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.plan import Plan, make_plan


@pytest.fixture
def number_plan(tmp_path: Path) -> Callable[..., Plan]:
    """A plan over numbers; keyword arguments are configs of stages, `run` the folder."""

    def make(
        run: str = "run",
        partition_size: int = 9,
        max_failed_share: float = 0.5,
        time_limit_s: float = 300,
        limits: dict[str, float] | None = None,
        **configs: dict[str, Any],
    ) -> Plan:
        names = {"source": "Source", "catalog": "Catalog", "measure": "Measure", "limit": "Limit", "group": "Group"}
        stages = {
            name: {"stage": f"fake_stages:{stage}", **configs.get(name, {})}
            for name, stage in {**names, "label": "Label"}.items()
        }
        return make_plan(
            PipelineConfig(
                run=run if "://" in run else str(tmp_path / run),
                partition_size=partition_size,
                max_failed_share=max_failed_share,
                time_limit_s=time_limit_s,
                **(limits or {}),
                stages=stages,
            )
        )

    return make


@pytest.fixture
def handshake_plan(tmp_path: Path) -> Callable[..., Plan]:
    """A plan whose first sticker stage cannot finish before the second one has begun; in the folder `run`."""

    def make(run: str, **announce: Any) -> Plan:
        announced = str(tmp_path / f"{run}-announced")
        stages = {
            "source": {"stage": "fake_stages:Source"},
            "catalog": {"stage": "fake_stages:Catalog"},
            "measure": {"stage": "fake_stages:Measure", "odd_wait_for": announced},
            "announce": {"stage": "fake_stages:Announce", "path": announced, **announce},
        }
        return make_plan(PipelineConfig(run=str(tmp_path / run), partition_size=5, stages=stages))

    return make
