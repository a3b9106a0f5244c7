import json

import pytest
from tiny_models import drawn_clips, tiny_config

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.core.errors import ConfigError
from vsd2m.generation.ablation import ABLATIONS, AblationRow, ablate, table, variant_config


def test_every_variant_is_trained_from_every_seed_on_the_same_clips(tmp_path, monkeypatch):
    chosen = {
        "paper": {},
        "wide": {"temporal_layer": {"layer": "sti", "gamma": 1, "norm": True, "positions": True, "mix": "convex"}},
    }
    monkeypatch.setitem(ABLATIONS, "tiny", chosen)
    steps = []
    config = tiny_config(tmp_path, num_steps=2)
    seen = lambda step, total, loss: steps.append((step, total))  # noqa: E731
    rows = ablate(config, "tiny", seeds=(0, 3), on_step=seen, clips=drawn_clips(count=6))
    assert steps == [(step, 8) for step in range(1, 9)]
    assert [row.variant for row in rows] == ["paper", "wide"]
    assert rows[1].num_parameters > rows[0].num_parameters
    assert len({loss for row in rows for loss in row.losses}) == 4
    saved = json.loads((tmp_path / "wide-seed-3" / "config.json").read_text())
    assert (saved["seed"], saved["model"]["temporal_layer"]["mix"]) == (3, "convex")
    assert len(list((tmp_path / "cache").iterdir())) == 1
    again = ablate(config, "tiny", seeds=(0, 3), on_step=seen, clips=drawn_clips(count=6))
    assert again == rows
    assert len(steps) == 8  # nothing is trained twice


@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_every_variant_is_a_valid_config(tmp_path, name):
    from vsd2m.generation.config import TrainConfig

    for variant, settings in ABLATIONS[name].items():
        config = variant_config(tiny_config(tmp_path), variant, settings, seed=1)
        assert TrainConfig.model_validate_json(config.model_dump_json()) == config


def test_the_table_shows_spread_difference_and_failures():
    rows = [
        AblationRow("first", 1_000_000, (0.2, 0.4)),
        AblationRow("second", 1_500_000, (0.3, 0.36)),
        AblationRow("third", 0, (None, 0.4)),
    ]
    assert table(rows).splitlines()[2:] == [
        "| first | 1.00 M | 0.3000 | 0.2000-0.4000 | +0.0 % |",
        "| second | 1.50 M | 0.3300 | 0.3000-0.3600 | +10.0 % |",
        "| third | 0.00 M | not a number in 1 of 2 runs | - | - |",
    ]


def test_unknown_names_and_models_without_such_variants_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="unknown ablation 'colour'; known: sti, layers"):
        ablate(tiny_config(tmp_path), "colour", seeds=(0,))
    model = tiny_config(tmp_path).model.model_dump() | {"temporal_layer": "conv"}
    with pytest.raises(ConfigError, match=r"needs family diffusion and model.temporal_layer sti"):
        ablate(tiny_config(tmp_path, model=model), "sti", seeds=(0,))
