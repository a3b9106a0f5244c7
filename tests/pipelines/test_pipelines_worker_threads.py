"""What Ray's workers are told of waiting, by their own import of the package and by nobody's environment."""

import os
import subprocess
import sys

import pytest

TELL = """
import os
import vsd2m
from vsd2m.pipelines.cluster.ray_tasks import Cluster, spread

for name in ("OMP_WAIT_POLICY", "KMP_BLOCKTIME"):
    del os.environ[name]
found = list(spread(Cluster(num_cpus=1), lambda: os.environ.get, ["OMP_WAIT_POLICY", "KMP_BLOCKTIME"], wants_gpu=False))
print(*sorted(found, key=str))
"""


def test_threads_of_ray_s_workers_sleep_while_they_wait():
    pytest.importorskip("ray")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "KMP_"))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TELL], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-2:] == ["0", "PASSIVE"]
