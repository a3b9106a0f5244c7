import hashlib
import json

import pytest

from vsd2m.benchmark.suite.clips import read_prompts
from vsd2m.core.errors import ConfigError, StorageError
from vsd2m.core.file_digest import file_sha256
from vsd2m.core.generated_files import COST, MANIFEST, Cost, manifest_bytes, read_cost, read_manifest
from vsd2m.generation.sampling.cost import CostMeter
from vsd2m.labelling.preference.paired_outputs import pair_by_prompt


class Pipeline:
    """Nothing that could be drawn with, on a CPU."""

    def __init__(self):
        self.components = {}
        self.device = "cpu"


def test_a_manifest_is_read_as_it_was_written_by_benchmark_and_studies_alike(tmp_path):
    rows = [{"file": "a.gif", "prompt": "眨眼的猫", "seed": 7}, {"file": "b.gif", "prompt": "line\u2028break"}]
    (tmp_path / MANIFEST).write_bytes(manifest_bytes(rows))
    for row in rows:
        (tmp_path / row["file"]).write_bytes(b"GIF89a")
    assert read_manifest(tmp_path / MANIFEST) == rows
    assert read_prompts(tmp_path) == {row["file"]: row["prompt"] for row in rows}
    paired = pair_by_prompt({"one": tmp_path, "two": tmp_path})
    assert [(pair.prompt, *pair.files) for pair in paired] == [(r["prompt"], *[tmp_path / r["file"]] * 2) for r in rows]


@pytest.mark.parametrize("line", ["[1]", "no JSON", '{"file": "x.gif"}', '{"file": 1, "prompt": "cat"}'])
def test_a_line_that_is_no_row_is_named_with_its_number(tmp_path, line):
    (tmp_path / MANIFEST).write_text('{"file": "a.gif", "prompt": "cat"}\n\n' + line + "\n")
    with pytest.raises(ConfigError, match=r"manifest.jsonl, line 3: (every line needs|expected a JSON object)"):
        read_manifest(tmp_path / MANIFEST)


def test_files_that_cannot_be_read_say_so(tmp_path):
    with pytest.raises(StorageError, match="cannot read .*manifest.jsonl"):
        read_manifest(tmp_path / MANIFEST)
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="expected text in UTF-8"):
        read_manifest(tmp_path / MANIFEST)
    with pytest.raises(StorageError, match="cannot read .*: Is a directory"):
        file_sha256(tmp_path)


def test_what_the_meter_writes_is_the_cost_that_is_read(tmp_path):
    meter = CostMeter(Pipeline())
    for num_samples in (3, 1):
        with meter.timed(num_samples):
            pass
    cost = meter.cost()
    (tmp_path / COST).write_bytes(cost.to_bytes())
    assert read_cost(tmp_path) == cost
    assert cost.num_samples == 4 and cost.device == "cpu" and cost.peak_memory_bytes > 0
    assert 0 < cost.seconds_per_sample == pytest.approx(meter.seconds / 4, rel=1e-3)
    assert list(json.loads(cost.to_bytes())) == list(Cost.model_fields)


def test_the_cost_of_parts_is_averaged_over_the_stickers_timed(tmp_path):
    for name, seconds, num_samples in (("a", 1.0, 3), ("b", 5.0, 1)):
        (tmp_path / name).mkdir()
        cost = Cost(seconds_per_sample=seconds, num_samples=num_samples, device=name, peak_memory_bytes=num_samples)
        (tmp_path / name / COST).write_bytes(cost.to_bytes())
    expected = Cost(seconds_per_sample=2.0, num_samples=4, device="a, b", peak_memory_bytes=3)
    assert read_cost(tmp_path) == expected
    assert read_cost(tmp_path / "nowhere") is None


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "weights.bin").write_bytes(data)
    assert file_sha256(tmp_path / "weights.bin") == hashlib.sha256(data).hexdigest()


def test_costs_of_parts_count_as_one_by_the_stickers_timed(tmp_path):
    assert read_cost(tmp_path) is None
    parts = {
        "a": Cost(seconds_per_sample=2.0, num_parameters=10, device="first", num_samples=3),
        "b": Cost(seconds_per_sample=1.0, peak_memory_bytes=5, device="second", num_samples=1),
    }
    for name, cost in parts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / COST).write_bytes(cost.to_bytes())
    whole = {"num_parameters": 10, "peak_memory_bytes": 5, "device": "first, second", "num_samples": 4}
    assert read_cost(tmp_path) == Cost(seconds_per_sample=1.75, **whole)
    uncounted = Cost(seconds_per_sample=4.0, device="second")
    (tmp_path / "b" / COST).write_bytes(uncounted.to_bytes())
    assert read_cost(tmp_path) == Cost(seconds_per_sample=2.5, num_parameters=10, device="first, second")


@pytest.mark.parametrize(
    ("content", "problem"),
    [("{}", "seconds_per_sample: Field required"), ("no JSON", "content: "), ('{"seconds_per_sample": 0}', "greater")],
)
def test_a_cost_that_is_none_is_refused_with_its_file(tmp_path, content, problem):
    (tmp_path / COST).write_text(content)
    with pytest.raises(ConfigError, match=f"cost.json: .*{problem}"):
        read_cost(tmp_path)
