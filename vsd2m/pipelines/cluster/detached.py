"""Runs whose driver lives on the cluster: this machine may leave, and another one can watch and cancel them.

The driver is the ordinary command line, in a process that a detached Ray actor starts. If its machine is lost, Ray
starts the actor on another one, and the run resumes there. What the driver prints is copied to `RUN/driver.log`.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vsd2m.core.errors import StageError, StorageError
from vsd2m.core.storage import Store
from vsd2m.pipelines.cluster.ray_cluster import Cluster, connected

NAMESPACE = "vsd2m"
LOG_FILE = "driver.log"
MAX_LOG_BYTES = 1 << 20
COPY_SECONDS = 2.0
START_SECONDS = 120.0
END_SECONDS = 60.0
_COMMAND_LINE = (
    # Ray's workers neither receive nor act on what Ctrl-C sends
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}); "
    "from vsd2m.pipelines.engine.stage_child import end_with_parent; end_with_parent(); "
    "from vsd2m.cli.main import main; main()"
)


def start_detached(run: str, config: str, options: Sequence[str], *, address: str | None) -> None:
    """Starts the driver of a run on the cluster and returns; `config` is the YAML text of the pipeline.

    `StageError` if the folder's run already has a driver there.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address in (None, "local"):
        raise StageError("--detach needs a cluster that outlives this command: give its --address (or RAY_ADDRESS)")
    with connected(Cluster(address)) as ray:
        if _find(ray, run) is not None:
            raise StageError(f"{run} already runs on this cluster; watch it: vsd2m status {run} --watch")
        actor_class = ray.remote(Driver).options(
            name=run, namespace=NAMESPACE, lifetime="detached", num_cpus=0, max_restarts=-1, max_concurrency=2
        )
        actor = actor_class.remote(run, config, list(options), sys.path)
        try:
            ray.get(actor.is_running.remote(), timeout=START_SECONDS)
        except ray.exceptions.RayError as error:
            raise StageError(f"the driver of {run} could not be started: {error}") from error


def cancel_detached(run: str, *, address: str | None) -> None:
    """Interrupts the driver of a run, as Ctrl-C would; `StageError` if the cluster has none."""
    with connected(Cluster(address)) as ray:
        actor = _find(ray, run)
        if actor is None:
            raise StageError(f"no driver of {run} runs on this cluster; `vsd2m status {run}` shows how far the run is")
        with suppress(ray.exceptions.RayError):  # it ends itself as well
            ray.get(actor.cancel.remote(), timeout=2 * END_SECONDS)
        ray.kill(actor, no_restart=True)


def read_log(store: Store) -> str:
    """What the driver has printed; `StorageError` where no driver was detached."""
    try:
        return store.read_bytes(LOG_FILE).decode(errors="replace")
    except StorageError as error:
        raise StorageError(f"{error}; only runs that were started with --detach have a log there") from error


class Driver:
    """The class of the detached actor: runs the command line until it ends, then ends itself."""

    def __init__(self, run: str, config: str, options: list[str], search_path: list[str]) -> None:
        import ray

        context = ray.get_runtime_context()
        self._store = Store(run)
        self._folder = Path(tempfile.mkdtemp(prefix="vsd2m-driver-"))
        (self._folder / "config.yaml").write_text(config, encoding="utf-8")
        self._actor = context.current_actor
        # the process that held the lock ended with the machine, or with the actor, that Ray has replaced
        restart_options = ["--break-lock"] if context.was_current_actor_reconstructed else []
        arguments = ["run", str(self._folder / "config.yaml"), "--runner", "ray", "--address", context.gcs_address]
        self._command = [sys.executable, "-c", _COMMAND_LINE, *arguments, *options, *restart_options]
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}
        self._earlier = self._earlier_log()
        self._is_started = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        self._is_started.wait()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def process(self) -> int:
        """The id of the actor's own process."""
        return os.getpid()

    def cancel(self) -> None:
        """Interrupts the driver and waits until it has ended."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._copy_log()

    def _run(self) -> None:
        """Starts the process, which ends with this thread, and copies its log until it has ended."""
        import ray

        with (self._folder / LOG_FILE).open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self._environment
            )
        self._is_started.set()
        while self.is_running():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(COPY_SECONDS)
            self._copy_log()
        ray.kill(self._actor, no_restart=True)

    def _earlier_log(self) -> bytes:
        try:
            return self._store.read_bytes(LOG_FILE)
        except StorageError:
            return b""

    def _copy_log(self) -> None:
        text = self._earlier + (self._folder / LOG_FILE).read_bytes()
        if (code := self._process.poll()) is not None:
            text += f"the driver has ended with exit code {code}\n".encode()
        with suppress(StorageError):  # the run itself says what is wrong with the storage
            self._store.write_bytes(LOG_FILE, text[-MAX_LOG_BYTES:])


def _find(ray: Any, run: str) -> Any:
    try:
        return ray.get_actor(run, namespace=NAMESPACE)
    except ValueError:
        return None
