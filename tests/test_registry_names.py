"""Every name that a config accepts stands, written as code, in the README or in docs/."""

import re
from pathlib import Path

import pytest

from vsd2m.annotate.describers import DESCRIBERS
from vsd2m.annotate.engines import ENGINES
from vsd2m.benchmark.metrics import METRICS
from vsd2m.crawl.sources import SOURCES
from vsd2m.filter.rules import RULES
from vsd2m.generation.temporal_layers import TEMPORAL_LAYERS
from vsd2m.ingest.readers import READERS
from vsd2m.pipelines.engine.stages import STAGES

ROOT = Path(__file__).parents[1]
REGISTRIES = {
    "sources": SOURCES,
    "readers": READERS,
    "rules": RULES,
    "describers": DESCRIBERS,
    "engines": ENGINES,
    "stages": STAGES,
    "temporal layers": TEMPORAL_LAYERS,
    "metrics": METRICS,
}


def documented_words() -> set[str]:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    blocks = re.findall(r"```.*?```", text, flags=re.DOTALL)
    spans = re.findall(r"`[^`\n]+`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return set(re.findall(r"\w+", "\n".join([*blocks, *spans])))


@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_name_of_a_registry_is_documented(registry):
    assert REGISTRIES[registry], registry
    assert set(REGISTRIES[registry]) - documented_words() == set()
