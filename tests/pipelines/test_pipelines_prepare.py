"""What is prepared is what a run needs: nothing is compiled afterwards, and what takes long is said."""

import os
import subprocess
import sys

import pytest

from vsd2m.annotate.engines.packaged import PACKAGED_MODELS, is_installed
from vsd2m.pipelines.prepare import LANGUAGE_MODEL

SHOW = "from vsd2m.cli.progress import show_notices; show_notices()\n"

RUN_AFTER = """
import io
import sys
import numba
import numpy as np
import polars as pl
from PIL import Image
from vsd2m.pipelines.prepare import compile_loops

def kernels():
    modules = [module for name, module in sys.modules.items() if name.startswith("vsd2m.")]
    return {
        (module.__name__, name): len(value.signatures)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, numba.core.dispatcher.Dispatcher)
    }

compile_loops()
before = kernels()

from vsd2m.core.stage import Batch
from vsd2m.filter.near_duplicates import NearDuplicatesConfig, NearDuplicatesStage
from vsd2m.media.probe import ProbeConfig, ProbeStage

random = np.random.default_rng(0)
media = []
for media_format in ("GIF", "WEBP", "PNG", "GIF", "JPEG"):
    for size in ((30, 20), (130, 70), (300, 260)):
        pictures = [Image.fromarray(random.integers(0, 255, (*size, 3), dtype=np.uint8)) for _ in range(3)]
        if media_format != "JPEG" and size[0] == 130:
            pictures = [picture.convert("RGBA") for picture in pictures]
        stream, more = io.BytesIO(), {"save_all": True, "append_images": pictures[1:], "duration": 90}
        pictures[0].save(stream, media_format, **(more if media_format != "JPEG" else {}))
        media.append(stream.getvalue())
rows = ProbeStage(ProbeConfig()).process(Batch([{}] * len(media), media))
names = ("fingerprint", "width", "height", "num_distinct_frames")
table = [{name: row[name] for name in names} | {"key": f"{number:032x}", "num_bytes": 9} for number, row in enumerate(rows * 2)]
overrides = {"fingerprint": pl.List(pl.UInt64)}
NearDuplicatesStage(NearDuplicatesConfig()).process_table(pl.DataFrame(table, schema_overrides=overrides))
print({name: count for name, count in kernels().items() if count != before.get(name)})
"""

COMPILE = """
import numpy as np
from vsd2m.media.compiled import compiled

@compiled
def double(values):
    for i in range(len(values)):
        values[i] *= 2

double(np.ones(3))
double(np.ones(3, np.float32))
"""


def in_a_fresh_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=True
    )


def test_nothing_is_compiled_after_the_preparation():
    assert in_a_fresh_process(RUN_AFTER).stdout.strip() == "{}"


def test_compilation_says_so_once_and_what_is_in_the_cache_says_nothing(tmp_path):
    code = tmp_path / "loops.py"
    code.write_text(SHOW + COMPILE)
    run = [sys.executable, str(code)]
    first, second = (subprocess.run(run, capture_output=True, text=True, check=True).stderr for _ in range(2))
    assert first.count("once per machine") == 1
    assert second == ""


def test_a_library_that_is_not_asked_to_speak_is_silent(tmp_path):
    code = tmp_path / "loops.py"
    code.write_text(COMPILE)
    done = subprocess.run([sys.executable, str(code)], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def test_weights_are_converted_once_with_a_line_and_without_a_bar(tmp_path):
    pytest.importorskip("transformers")
    if not is_installed(LANGUAGE_MODEL):
        pytest.skip(PACKAGED_MODELS[LANGUAGE_MODEL].install)
    code = SHOW + "from vsd2m.pipelines.prepare import prepare; print(*prepare(), sep='\\n')"
    first, second = (in_a_fresh_process(code, XDG_CACHE_HOME=str(tmp_path)) for _ in range(2))
    assert first.stdout.startswith("machine code")
    assert "converting the weights of smollm2-135m-instruct, once per machine" in first.stderr
    assert "%|" not in first.stderr
    assert second.stderr == ""
    made = list((tmp_path / "vsd2m").glob("*/*"))
    assert sorted(folder.parent.name for folder in made) == ["models", "ocr", "ocr"]
