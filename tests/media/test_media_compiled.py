import subprocess
import sys
from pathlib import Path

import vsd2m

CALLER = "from callee import twice\nfrom vsd2m.media.compiled import compiled\n\n@compiled\ndef run(x):\n    return twice(x)\n"
CALLEE = (
    "from vsd2m.media.compiled import compiled\nFACTOR = {factor}\n\n@compiled\ndef twice(x):\n    return FACTOR * x\n"
)


def run(folder: Path) -> int:
    command = [sys.executable, "-c", "from caller import run; print(run(10), sum(run.stats.cache_hits.values()))"]
    environment = {"PYTHONPATH": f"{folder}:{Path(vsd2m.__file__).parents[1]}", "HOME": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=folder)
    return tuple(map(int, done.stdout.split()))


def test_kept_machine_code_is_used_again_until_what_it_calls_in_another_module_changes(tmp_path):
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "callee.py").write_text(CALLEE.format(factor=2))
    assert run(tmp_path) == (20, 0)
    assert run(tmp_path) == (20, 1)
    (tmp_path / "callee.py").write_text(CALLEE.format(factor=3))
    assert run(tmp_path) == (30, 0)
