"""Runs are cancelled, resumed and watched from another process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from vsd2m.cli.main import INTERRUPTED, app
from vsd2m.core.errors import ConfigError, StageError, StorageError
from vsd2m.core.folder_lock import read_holder
from vsd2m.core.run import Run
from vsd2m.core.storage import Store

FAKES = Path(__file__).parents[1] / "pipelines"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """A run in another process whose sticker stage waits for the file `go`: its folder and process."""
    monkeypatch.syspath_prepend(str(FAKES))
    stages = {
        "source": {"stage": "fake_stages:Source"},
        "catalog": {"stage": "fake_stages:Catalog"},
        "measure": {"stage": "fake_stages:Measure", "wait_for": str(tmp_path / "go")},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"run": str(tmp_path / "run"), "stages": stages}, sort_keys=False))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FAKES), *sys.path])}
    command = [sys.executable, "-m", "vsd2m.cli.main", "run", str(config)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    run = tmp_path / "run"
    while not (run / "catalog" / "all.json").exists():
        assert process.poll() is None
        time.sleep(0.05)
    yield run, process
    process.kill()
    process.wait()


def called(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_a_run_is_cancelled_from_another_process_and_resumed_with_the_config_in_its_folder(started, tmp_path):
    run, process = started
    assert "To resume: vsd2m resume" in called("cancel", str(run))
    assert process.wait(30) == INTERRUPTED
    assert read_holder(Store(str(run))) is None
    with pytest.raises(StageError, match="nothing runs in"):
        called("cancel", str(run))
    (tmp_path / "go").touch()
    called("resume", str(run), "--workers", "2")
    assert len(Run.open(str(run)).frame(["width"])) == 40


def test_a_watched_status_ends_with_the_run(started, tmp_path):
    run, process = started
    watch = subprocess.Popen(
        [sys.executable, "-m", "vsd2m.cli.main", "status", str(run), "--watch", "--every", "0.2", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None and watch.stdout.readline() == "[\n"
    assert watch.poll() is None
    (tmp_path / "go").touch()
    assert process.wait(60) == 0
    shown = "[" + watch.communicate(timeout=60)[0].rpartition("\n[")[2]
    assert [row["num_kept"] for row in json.loads(shown)] == [40, 40, 40]


def test_a_config_whose_secrets_are_masked_is_not_resumed_from_the_folder(tmp_path):
    from vsd2m.pipelines.engine.config import PipelineConfig
    from vsd2m.pipelines.engine.plan import make_plan

    source = {"source": "json_api", "site": "http://127.0.0.1:9", "search": "/find?q={word}", "stickers": "s"}
    source |= {"picture": "p", "key": "a key that is long enough", "key_header": "Authorization"}
    stages = {"crawl": {"source": source, "words": ["a"]}, "catalog": None}
    config = PipelineConfig.model_validate({"run": str(tmp_path), "stages": stages})
    make_plan(config).create_run()
    with pytest.raises(ConfigError, match=r"does not hold stages.crawl.source.key, which are secret"):
        called("resume", str(tmp_path))


def test_logs_of_a_run_that_was_not_detached_say_so(tmp_path):
    with pytest.raises(StorageError, match="only runs that were started with --detach have a log"):
        called("logs", str(tmp_path))


def test_detaching_needs_a_cluster_that_stays(tmp_path, monkeypatch):
    from vsd2m.pipelines.cluster.detached import start_detached

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(StageError, match="--detach needs a cluster that outlives this command"):
        start_detached(str(tmp_path), "", [], address=None)
