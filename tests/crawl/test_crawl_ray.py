"""The crawl on a Ray cluster: the same bytes, one request for each address, one rate for each host."""

import warnings
from collections import Counter
from collections.abc import Iterator

import pytest
from crawl_sites import RULE_FILES, ScriptedSite
from test_crawl_together import _answers, _plan

from vsd2m.pipelines.cluster.ray_runner import run_ray
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.status import manifest


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own start-up
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def test_workers_of_a_cluster_crawl_like_one_worker_here(cluster, tmp_path) -> None:
    with ScriptedSite(_answers()) as site:
        run = run_ray(_plan(tmp_path / "ray", site.url, workers=2, delay_s=0.05))
        requests = Counter(path for _, path in site.asked if path not in RULE_FILES)
        times = sorted(time for time, _ in site.asked)
        local = run_local(_plan(tmp_path / "local", site.url))
    assert manifest(run) == manifest(local)
    assert set(requests.values()) == {1}
    assert min(later - earlier for earlier, later in zip(times, times[8:], strict=False)) > 8 * 0.05 - 0.1
