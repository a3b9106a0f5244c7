"""A run whose storage fails now and then has the manifest of one whose storage does not."""

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "core"))
from s3_proxy import s3_proxy

from vsd2m.core.errors import StorageError
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.status import manifest

SMALL = {"source": {"num_stickers": 12}, "partition_size": 6}


@pytest.fixture
def proxy(s3_bucket, monkeypatch):
    from s3fs import S3FileSystem

    with s3_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        S3FileSystem.clear_instance_cache()
        yield proxy
    S3FileSystem.clear_instance_cache()


def test_one_request_in_fifteen_fails_and_the_run_does_not(proxy, s3_bucket, tmp_path, number_plan):
    seeded = random.Random(3)
    num_faults = []

    def fault() -> str | None:
        if seeded.random() >= 1 / 15:
            return None
        num_faults.append(1)
        return seeded.choice(["busy", "internal", "gateway", "reset"])

    proxy.chance = fault
    run = run_local(number_plan(run=f"{s3_bucket}/{tmp_path.name}", **SMALL))
    assert len(num_faults) > 3
    proxy.chance = lambda: None
    assert manifest(run) == manifest(run_local(number_plan(run="local", **SMALL)))


def test_a_storage_that_refuses_from_a_moment_on_ends_the_run_which_then_resumes(
    proxy, s3_bucket, tmp_path, number_plan
):
    plan = number_plan(run=f"{s3_bucket}/{tmp_path.name}", **SMALL)
    proxy.chance = lambda: "expired" if "/limit/" in proxy.requests[-1][1] else None
    with pytest.raises(StorageError, match=r"limit/.*renew them, then run the command again to resume"):
        run_local(plan)
    proxy.chance = lambda: None
    num_requests = len(proxy.requests)
    run = run_local(plan)
    writes = [path for method, path in proxy.requests[num_requests:] if method == "PUT"]
    assert not [path for path in writes if "/source/" in path or "/measure/part-000000" in path]
    assert manifest(run) == manifest(run_local(number_plan(run="local", **SMALL)))


def test_a_run_that_is_done_reads_each_record_once(proxy, s3_bucket, tmp_path, number_plan):
    plan = number_plan(run=f"{s3_bucket}/{tmp_path.name}", **SMALL)
    run = run_local(plan)
    num_records = sum(len(run.records(entry.name)) for entry in run.layout)
    proxy.requests.clear()
    run_local(plan)
    reads = [path for method, path in proxy.requests if method == "GET" and path.endswith(".json")]
    assert len([path for path in reads if "run.json" not in path]) == num_records
    assert not [path for method, path in proxy.requests if method == "HEAD" and ".parquet" in path]
