"""A site with faults of every kind, small: what `measurements/robustness/crawl_faults.py` crawls in large."""

import importlib
from pathlib import Path

import pytest

from vsd2m.core.run import Run
from vsd2m.pipelines.engine.config import PipelineConfig
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.status import manifest

SCRIPTS = Path(__file__).parents[2] / "measurements" / "robustness"
DELAY_S = 0.004


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("crawl_faults")


def test_faults_of_every_kind_lose_nothing_else_and_look_the_same_to_any_number_of_workers(faults, tmp_path) -> None:
    stickers, words = faults.plan_site(300, seed=1)
    assert {sticker.fault for sticker in stickers} == {None, *faults.FAULTS}
    manifests = []
    with faults.Site(stickers, words) as site:
        for workers in (1, 3):
            site.forget()
            config = faults.config_of(
                site, tmp_path / str(workers), workers=workers, delay_s=DELAY_S, words_per_partition=8
            )
            run: Run = run_local(make_plan(PipelineConfig.model_validate(config)))
            assert faults.problems(site, run, delay_s=DELAY_S) == []
            manifests.append(manifest(run))
    assert manifests[0] == manifests[1]


def test_a_crawl_that_is_not_as_expected_is_noticed(faults, tmp_path) -> None:
    stickers, words = faults.plan_site(200, seed=1)
    with faults.Site(stickers, words) as site:
        config = faults.config_of(site, tmp_path, workers=1, delay_s=0.0, words_per_partition=100)
        config["stages"]["crawl"]["words"] = list(words)[:-1]
        run = run_local(make_plan(PipelineConfig.model_validate(config)))
        kept, *_ = faults.problems(site, run, delay_s=1.0)
        assert kept.startswith("kept: ")
        assert any("expected at least 98.850 s" in problem for problem in faults.problems(site, run, delay_s=1.0))
