"""The example for models of others runs as written."""

import subprocess
import sys
from pathlib import Path

from benchmark_builders import write_shards

EXAMPLE = Path(__file__).parents[2] / "examples" / "judge_your_model.py"


def test_a_model_of_ones_own_is_judged_by_the_example(tmp_path):
    shards = write_shards(tmp_path / "shards", num_stickers=5)
    command = [sys.executable, str(EXAMPLE), shards, str(tmp_path / "out"), "--suite", "vsd-r"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "| discs |" in done.stdout
    page = (tmp_path / "out" / "leaderboard.html").read_text(encoding="utf-8")
    assert page.count('class="moving"') == 4 + 4 and "real stickers" in page
