"""The demo: a sticker site on loopback, the pipeline over it, a small generator, a benchmark, right answers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vsd2m.core.run import Run
from vsd2m.pipelines.configs import config_text
from vsd2m.pipelines.demo.right_answers import RightAnswers, character_error_rate, count_right_answers, read_truth
from vsd2m.pipelines.demo.sample_artist import sample_artist
from vsd2m.pipelines.engine.config import PipelineConfig, validate
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.engine.progress import Observer
from vsd2m.pipelines.engine.runners import run_plan

PORT = 8640
NUM_BENCHMARK_PROMPTS = 48
PROMPTS = (
    "a cat waving its paw",
    "a panda jumping up and down",
    "a red heart pulsing",
    "a frog dancing",
    "a sleeping bear",
    "a laughing sun",
    "a ghost floating",
    "a rabbit running",
)


@dataclass(frozen=True)
class DemoFiles:
    """The paths of the demo's files."""

    folder: Path

    @property
    def stickers(self) -> Path:
        return self.folder / "stickers"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def shards(self) -> Path:
        return self.run / "shards"

    @property
    def statistics(self) -> Path:
        return self.run / "stats.html"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def generated(self) -> Path:
        return self.folder / "generated"

    @property
    def benchmark(self) -> Path:
        return self.folder / "benchmark"


def draw(files: DemoFiles, *, num_stickers: int, on_progress: Callable[[int, int], None]) -> None:
    """Draws the stickers, unless they exist."""
    if not (files.stickers / "truth.jsonl").exists():
        sample_artist().write_samples(files.stickers, num_stickers=num_stickers, seed=0, on_progress=on_progress)


def build(files: DemoFiles, *, runner: str, observer: Observer, port: int = PORT) -> Run:
    """Crawls the stickers from a site on loopback and runs every stage."""
    return run_over_folder(files.stickers, files.run, runner=runner, observer=observer, port=port)


def run_over_folder(
    folder: Path,
    run: Path,
    *,
    runner: str = "local",
    observer: Observer | None = None,
    port: int = PORT,
    overrides: dict[str, Any] | None = None,
) -> Run:
    """Runs the gallery config on any folder of stickers, which is served on loopback meanwhile."""
    from vsd2m.gallery.site import GallerySite

    with GallerySite(folder, port=port) as site:
        return run_plan(make_plan(gallery_config(site.url, run, overrides)), runner=runner, observer=observer)


def gallery_config(site: str, run: Path, overrides: dict[str, Any] | None = None) -> PipelineConfig:
    """The gallery config for one site; `overrides` are stage configs that replace single fields."""
    values: dict[str, Any] = yaml.safe_load(config_text("gallery"))
    values["run"] = str(run)
    values["stages"]["crawl"]["source"] = {"source": "gallery", "site": site}
    for stage, fields in (overrides or {}).items():
        values["stages"][stage] = {**(values["stages"][stage] or {}), **fields}
    return validate(PipelineConfig, values, path="gallery.yaml")


def count_answers(files: DemoFiles, run: Run) -> tuple[list[RightAnswers], float, int]:
    """The right answers of every stage; the OCR's character error rate, and the number of stickers with text."""
    truth = read_truth(str(files.stickers))
    return count_right_answers(run, truth), *character_error_rate(run, truth)


def train(files: DemoFiles, *, num_steps: int, on_step: Callable[[int, int, float], None]) -> None:
    """Trains a small STI model on the demo's shards."""
    from vsd2m.generation.config import TrainConfig
    from vsd2m.generation.trainer import train as train_generator

    values = {
        "preset": "tiny",
        "out": str(files.model),
        "data": {"shards": str(files.shards), "domain": "cartoon"},
        "num_steps": num_steps,
        "save_every": num_steps,
    }
    train_generator(validate(TrainConfig, values, path="demo"), on_step=on_step)


def generate(files: DemoFiles, *, on_progress: Callable[[int, int], None]) -> None:
    """Generates one sticker per demo prompt with the trained model."""
    from vsd2m.generation.config import GenerationConfig
    from vsd2m.generation.sampler import generate as draw_prompts

    draw_prompts(
        files.model,
        PROMPTS,
        files.generated,
        config=GenerationConfig(guidance_scale=2, upscale=4),
        on_sticker=on_progress,
    )


def benchmark(files: DemoFiles, *, on_progress: Callable[[int, int], None]) -> str:
    """Generates stickers for the captions of test stickers, compares both, and returns the table."""
    from vsd2m.benchmark.tables.results_tables import as_markdown
    from vsd2m.pipelines.suite.benchmarking import SuiteConfig, run_suite

    values = {
        "models": {"tiny STI": str(files.model)},
        "shards": str(files.shards),
        "size": 64,
        "max_real": NUM_BENCHMARK_PROMPTS,
        "sampling": {"guidance_scale": 2, "domain": "cartoon"},
    }
    config = validate(SuiteConfig, values, path="demo")
    return as_markdown(run_suite(config, str(files.benchmark), on_drawn=on_progress))
