"""What loading does not need."""

import subprocess
import sys

SCRIPT = """
import sys
import vsd2m
assert not {"numpy", "polars", "pyarrow", "torch"} & set(sys.modules), "import vsd2m is not instant"
dataset = vsd2m.load(sys.argv[1], split="vsd_c", num_frames=2, size=4)
assert sum(1 for _ in dataset) == len(dataset) > 0
assert not {"torch", "webdataset", "datasets", "ray"} & set(sys.modules), "loading imports more than it needs"
"""


def test_importing_is_instant_and_loading_needs_neither_torch_nor_webdataset(shards_url):
    subprocess.run([sys.executable, "-c", SCRIPT, shards_url], check=True)
