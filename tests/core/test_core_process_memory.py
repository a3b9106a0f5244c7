"""How much memory a process and those that it started have."""

import subprocess
import sys
from pathlib import Path

import pytest

from vsd2m.core.process_memory import resident_bytes

SIZE = 50_000_000
CHILD = f"data = b'x' * {SIZE}; print('full', flush=True); input()"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="as Linux counts it")


@pytest.mark.parametrize("code", [CHILD, PARENT], ids=["its own", "that of a process it started"])
def test_memory_of_a_process_counts_and_nothing_once_it_has_ended(code):
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"full\n"
        assert SIZE < resident_bytes(process.pid) < 4 * SIZE
        process.communicate(b"\n")
    assert resident_bytes(process.pid) == 0
