import warnings
from collections.abc import Iterator

import polars as pl
import pytest
from own_stages import whole_plan

from vsd2m.core.errors import StageError
from vsd2m.pipelines.cluster.ray_runner import run_ray
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.runners import run_plan
from vsd2m.pipelines.status import manifest, status


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own start-up
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


def test_both_runners_write_the_same_bytes(cluster, number_plan):
    local = run_local(number_plan(run="local", limit={"max_width": 30}))
    ray = run_plan(number_plan(run="ray", limit={"max_width": 30}), runner="ray")
    assert manifest(local) == manifest(ray)
    assert [row.num_read for row in status(local)] == [row.num_read for row in status(ray)]


def test_columns_of_ones_own_are_the_same_bytes_too(cluster, tmp_path):
    local = run_local(whole_plan(tmp_path / "local"))
    assert manifest(run_ray(whole_plan(tmp_path / "ray"))) == manifest(local)


def test_a_run_begun_by_one_runner_is_finished_by_the_other(cluster, number_plan):
    whole = manifest(run_local(number_plan(run="whole")))
    begun = run_local(number_plan(run="begun"))
    for path in ("measure/part-000001.json", "limit/part-000000.json", "group/all.json"):
        begun.store.delete(path)
    assert manifest(run_ray(number_plan(run="begun"))) == whole


def test_a_sticker_that_kills_its_worker_is_found_and_recorded(cluster, number_plan):
    run = run_ray(number_plan(measure={"die_on": 12}))
    failed = pl.concat([rejects for stage, rejects in run.all_rejects() if stage == "measure"])
    assert failed["reason"].to_list() == ["worker_died"]
    widths = run.frame(["width"])["width"].to_list()
    assert sorted(widths) == [number for number in range(0, 40, 2) if number != 12]


def test_our_error_in_a_worker_arrives_as_our_error(cluster, number_plan):
    with pytest.raises(StageError, match="stage measure returned columns"):
        run_ray(number_plan(measure={"lose_column": True}))


def test_a_later_stage_works_while_the_one_before_it_still_does(cluster, handshake_plan):
    run = run_ray(handshake_plan("run"))
    assert [row.num_failed for row in status(run)] == [0, 0, 0, 0]
