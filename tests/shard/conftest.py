"""One small run, packed into shards, shared by the tests."""

import pytest
from small_run import make_rows, make_run, write_shards

from vsd2m.core.run import Run


@pytest.fixture(scope="session")
def rows() -> list[dict]:
    return make_rows(75)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, rows: list[dict]) -> Run:
    run = make_run(tmp_path_factory.mktemp("run"), rows)
    write_shards(run)
    return run


@pytest.fixture(scope="session")
def shards_url(run: Run) -> str:
    return run.store.path("shards")
