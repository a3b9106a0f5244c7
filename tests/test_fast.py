"""`pytest -m fast`: the tests to run at every save."""

import subprocess
import sys
from pathlib import Path

from fast_files import FAST_FILES, HEAVY_LIBRARIES

TESTS = Path(__file__).parent
COLLECT = """
import sys, pytest
code = pytest.main(["-m", "fast", "--collect-only", "-p", "no:cacheprovider"])
print("heavy:", sorted(set(sys.argv[1:]) & set(sys.modules)))
sys.exit(code)
"""


def test_every_fast_file_exists():
    assert {name for name in FAST_FILES if not (TESTS / name).is_file()} == set()


def test_the_fast_selection_takes_tests_of_its_files_alone_and_imports_no_heavy_library():
    command = [sys.executable, "-c", COLLECT, *sorted(HEAVY_LIBRARIES)]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    files = {line.split("::")[0].removeprefix("tests/") for line in done.stdout.splitlines() if "::" in line}
    assert files == FAST_FILES
    assert "heavy: []" in done.stdout
