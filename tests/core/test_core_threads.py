"""What the OpenMP libraries say of themselves once `import vsd2m` has been the first import of a process."""

import os
import subprocess
import sys

import pytest

from vsd2m.core.threads import wait_asleep


def said_by_openmp(statement: str, **environment: str) -> str:
    """What the OpenMP libraries print of their settings while `statement` runs in a fresh interpreter."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "KMP_", "GOMP_"))}
    asked = {"OMP_DISPLAY_ENV": "VERBOSE", "KMP_SETTINGS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", statement],
        env=inherited | asked | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return "".join((done.stdout + done.stderr).split())


def test_threads_of_torch_sleep_while_they_wait():
    pytest.importorskip("torch")
    assert "GOMP_SPINCOUNT='0'" in said_by_openmp("import vsd2m, torch")


def test_threads_of_paddle_sleep_while_they_wait():
    pytest.importorskip("paddle")
    said = said_by_openmp("import vsd2m, paddle; paddle.ones([9, 9]) @ paddle.ones([9, 9])")
    assert "KMP_BLOCKTIME=0" in said
    assert "KMP_LIBRARY=throughput" in said


def test_a_user_who_wants_threads_to_spin_has_them_spin():
    pytest.importorskip("torch")
    assert "GOMP_SPINCOUNT='0'" not in said_by_openmp("import vsd2m, torch", OMP_WAIT_POLICY="ACTIVE")
    environment = {"OMP_WAIT_POLICY": "ACTIVE"}
    wait_asleep(environment)
    assert environment == {"OMP_WAIT_POLICY": "ACTIVE"}


def test_both_libraries_are_told_and_what_a_user_says_of_one_stays():
    nothing_said, spin = {}, {"KMP_BLOCKTIME": "200"}
    for environment in (nothing_said, spin):
        wait_asleep(environment)
    assert nothing_said == {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
    assert spin == {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "200"}
