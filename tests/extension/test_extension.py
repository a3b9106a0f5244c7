"""A package outside of vsd2m adds a component of each kind, and a run over a gallery publishes what they wrote."""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image

import vsd2m
from vsd2m.benchmark.metric import Weights
from vsd2m.benchmark.metrics import metric_class
from vsd2m.benchmark.suite.clips import JudgedClip
from vsd2m.core.run import Run
from vsd2m.gallery.apis.base import ApiOptions
from vsd2m.gallery.apis.site import ApiSite
from vsd2m.generation.config import TrainConfig
from vsd2m.pipelines.engine.config import PipelineConfig, json_schema
from vsd2m.pipelines.engine.local import run_local
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.shard.verify import verify

GUIDE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
NUM_STICKERS = 6
KEY = "the-key-of-the-site"
DESCRIBED = ("num_colours", "main_colour", "colour_shares", "brightness", "mood")


def block(language: str, contains: str) -> str:
    """The block of the guide in this language that has a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return next(text for text in blocks if contains in text)


def draw(num_colours: int) -> bytes:
    """An animated GIF of stripes, three frames."""
    stripes = np.repeat(np.arange(num_colours), 6)
    palette = np.random.default_rng(num_colours).integers(40, 255, (num_colours, 3), dtype=np.uint8)
    frames = [Image.fromarray(np.tile(palette[np.roll(stripes, step)], (40, 1, 1))) for step in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=80)
    return file.getvalue()


def values(folder: Path, site: str) -> dict[str, Any]:
    """The config: the package's components, and the guide's stage and rule, between the stages of vsd2m."""
    stages: dict[str, Any] = {
        "crawl": {"source": {"source": "own_stickers.sources:Anonymous", "site": site, "key": KEY}, "words": "all"},
        "catalog": None,
        "probe": None,
        "colours": {"stage": "own_stickers.stages:Colours", "max_shares": 2},
        "colour_filter": {"stage": "filter", "rules": {"own_stickers.rules:MinColours": {"min_colours": 3}}},
        **yaml.safe_load(block("yaml", "mine:Brightness"))["stages"],
        "domain": None,
        "describe": {"describer": {"describer": "own_stickers.describers:ColourDescriber", "noun": "toy"}},
        "caption": {"engine": {"engine": "own_stickers.engines:EchoEngine", "prefix": "Look, "}},
        "split": {"use_duplicate_groups": False, "num_words": 0},
        "shard": None,
        "stats": None,
    }
    return {"run": str(folder / "run"), "partition_size": 4, "stages": stages}


@pytest.fixture(scope="module")
def run(own_package, tmp_path_factory) -> Iterator[Run]:
    (own_package / "mine.py").write_text(block("python", "class Brightness"), encoding="utf-8")
    folder = tmp_path_factory.mktemp("extended")
    stickers = folder / "stickers"
    stickers.mkdir()
    for number in range(NUM_STICKERS):
        (stickers / f"{number}.gif").write_bytes(draw(2 + number))
    entries = [{"file": f"{number}.gif", "trigger_words": ["stripes"]} for number in range(NUM_STICKERS)]
    (stickers / "truth.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    api = ApiSite(stickers, "own_stickers.apis:AnonymousModel", options=ApiOptions(key=KEY))
    with api as site:
        yield run_local(make_plan(PipelineConfig.model_validate(values(folder, site.url))))


@pytest.fixture(scope="module")
def published(run) -> str:
    return run.store.path("shards")


def test_every_sticker_that_the_own_rule_keeps_is_published_with_the_own_columns(run, published):
    rows = [*map(vsd2m.ShardReader(published).__getitem__, vsd2m.ShardReader(published))]
    assert sorted(row["num_colours"] for row in rows) == [3, 4, 5, 6, 7]
    (reject,) = run.read_rejects("colour_filter", 0).to_dicts() + run.read_rejects("colour_filter", 1).to_dicts()
    assert (reject["reason"], reject["value"], reject["limit"]) == ("too_few_colours", 2.0, 3.0)
    for row in rows:
        assert len(row["colour_shares"]) == 2 and re.fullmatch("[0-9a-f]{6}", row["main_colour"])
        assert row["authors"] == ["somebody"]
        assert row["description"] == f"A toy of {row['main_colour']}." and row["description_source"] == "own colours"
        assert row["caption"] == f"Look, A toy of {row['main_colour']}." and row["caption_source"] == "echo"
    assert verify(published) == []


def test_the_key_of_the_own_source_is_sent_and_written_nowhere(run, own_package):
    from own_stickers.sources import Anonymous

    source = Anonymous(Anonymous.Config(site="http://127.0.0.1:1", key=KEY))
    assert source.authorise(source.first_request("cat")).headers["X-Api-Key"] == KEY
    files = [path for path in Path(run.store.path("")).rglob("*") if path.is_file()]
    assert len(files) > 20 and not [path for path in files if KEY.encode() in path.read_bytes()]


def test_load_gives_the_own_columns_that_say_so(published):
    samples = list(vsd2m.load(published, split="train", num_frames=4, size=32))
    assert len(samples) == 5
    rows = vsd2m.ShardReader(published)
    for sample in samples:
        row = rows[sample["key"]]
        assert sample["clip"].shape == (4, 3, 32, 32)
        for name in ("num_colours", "main_colour", "brightness", "mood"):
            assert sample[name] == row[name]
        assert sample["rare_colour"] == (row["rare_colour"] or "")
        assert (sample["rare_colour"] == "") == (row["num_colours"] < 7)
        assert "colour_shares" not in sample and sample["mood"] in ("bright", "dark")


def test_torch_collates_samples_with_own_columns(published):
    torch_data = pytest.importorskip("torch.utils.data")
    loader = torch_data.DataLoader(vsd2m.load(published, split="train", num_frames=4, size=32), batch_size=5)
    (batch,) = loader
    assert sorted(batch["num_colours"].tolist()) == [3, 4, 5, 6, 7] and len(batch["main_colour"]) == 5


def test_the_card_croissant_figures_and_schema_name_the_own_columns(run, published):
    card = (Path(published) / "README.md").read_text(encoding="utf-8")
    croissant = json.loads((Path(published) / "croissant.json").read_text(encoding="utf-8"))
    fields = {field["name"]: field for field in croissant["recordSet"][0]["field"]}
    described = {entry["name"]: entry for entry in json.loads(run.store.read_bytes("run.json"))["columns"]}
    reader = vsd2m.ShardReader(published)
    for name in DESCRIBED:
        column = run.schema[name]
        assert f"| `{name}` | {column.type} | {column.description} |" in card
        assert fields[name]["description"] == column.description
        assert described[name] == column.to_json()
        assert reader.schema[name] == column
    figures = json.loads((Path(published) / "_stats.json").read_text(encoding="utf-8"))["num_with_value"]
    assert figures["num_colours"] == figures["mood"] == 5


def test_the_json_of_the_tars_holds_the_own_columns_that_say_so(published):
    with tarfile.open(next(Path(published).glob("*.tar"))) as tar:
        facts = [json.load(tar.extractfile(name)) for name in tar.getnames() if name.endswith(".json")]
    assert all({"num_colours", "main_colour", "mood"} <= set(entry) for entry in facts)
    assert not any({"colour_shares", "brightness"} & set(entry) for entry in facts)


def test_the_schema_of_configs_accepts_what_the_package_adds(tmp_path):
    jsonschema.Draft202012Validator(json_schema()).validate(values(tmp_path, "http://127.0.0.1:1"))


def test_an_option_that_cannot_change_the_output_does_not_change_the_identity(run, tmp_path):
    del run  # the guide's module has been written

    def identity(**options: Any) -> str:
        config = values(tmp_path, "http://127.0.0.1:1")
        config["stages"]["caption"] = {"engine": {"engine": "own_stickers.engines:EchoEngine", **options}}
        return make_plan(PipelineConfig.model_validate(config)).stage("caption").identity

    assert identity(num_workers=1) == identity(num_workers=8) != identity(prefix="So: ")


def test_an_own_metric_measures(own_package):
    del own_package
    metric = metric_class("own_stickers.metrics:Lightness")(Weights())
    for level in (0, 255):
        metric.update(JudgedClip(str(level), np.full((2, 8, 8, 3), level, np.uint8), None))
    assert metric.compute(seed=0).value == pytest.approx(0.5)


def test_an_own_temporal_layer_is_trained_on_what_was_published(published, tmp_path):
    pytest.importorskip("diffusers")
    layer = {"layer": "own_stickers.layers:EchoLayer", "delay": 2}
    model = {
        "block_out_channels": (16, 32),
        "attention_levels": (False, True),
        "attention_head_dim": 8,
        "patch_size": 2,
    }
    config = TrainConfig.model_validate(
        {
            "preset": "tiny",
            "out": str(tmp_path / "trained"),
            "model": {**model, "temporal_layer": layer},
            "text": {"hidden_size": 16, "num_heads": 2, "max_length": 8, "vocab_size": 300},
            "data": {"shards": published, "num_frames": 4, "size": 8},
            "batch_size": 2,
            "num_steps": 1,
            "num_threads": 1,
        }
    )
    saved = json.loads((vsd2m.train(config).checkpoint / "unet" / "config.json").read_text(encoding="utf-8"))
    assert (saved["temporal_layer"], saved["temporal_options"]) == (layer["layer"], {"delay": 2})
