import json

import pytest
from tiny_models import drawn_clips, tiny_config

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.core.errors import EngineError  # noqa: E402
from vsd2m.generation.data import ClipSource  # noqa: E402
from vsd2m.generation.errors import TrainingError  # noqa: E402
from vsd2m.generation.trainer import train  # noqa: E402


def weights_of(checkpoint):
    from safetensors.torch import load_file

    return {
        part: load_file(checkpoint / part / name)
        for part, name in (("unet", "diffusion_pytorch_model.safetensors"), ("text_encoder", "model.safetensors"))
    }


def equal_weights(first, second):
    first, second = weights_of(first), weights_of(second)
    return all(torch.equal(first[part][name], second[part][name]) for part in first for name in first[part])


def test_a_process_may_train_with_one_arithmetic_and_then_with_another(tmp_path):
    losses = [
        train(tiny_config(tmp_path / name, num_steps=1, mixed_precision=name), clips=drawn_clips(count=4)).losses[0]
        for name in ("no", "bf16", "no")
    ]
    assert losses[0] == losses[2]
    assert losses[1] == pytest.approx(losses[0], rel=0.05) and losses[1] != losses[0]


def test_the_loss_falls_and_is_written_down(tmp_path):
    optimizer = {"learning_rate": 3e-3, "warmup_steps": 2}
    result = train(tiny_config(tmp_path, num_steps=30, optimizer=optimizer), clips=drawn_clips(count=6))
    assert sum(result.losses[-8:]) < 0.8 * sum(result.losses[:8])
    lines = [json.loads(line) for line in (tmp_path / "losses.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 31))
    assert [line["loss"] for line in lines] == pytest.approx(result.losses, abs=1e-6)
    assert result.num_clips == 6
    assert result.checkpoint == tmp_path / "checkpoint-000030"


def test_a_resumed_run_gives_the_losses_and_weights_of_an_uninterrupted_one(tmp_path):
    class KilledError(Exception):
        pass

    def kill_at_3(step, num_steps, loss):
        if step == 3:
            raise KilledError

    whole = train(tiny_config(tmp_path / "whole", num_steps=6, save_every=2), clips=drawn_clips(count=6))
    config = tiny_config(tmp_path / "killed", num_steps=6, save_every=2)
    with pytest.raises(KilledError):
        train(config, clips=drawn_clips(count=6), on_step=kill_at_3)
    torch.manual_seed(123)  # nothing may hang on the state of the global generator
    resumed = train(config, clips=drawn_clips(count=6))
    assert resumed.losses == whole.losses
    assert equal_weights(resumed.checkpoint, whole.checkpoint)


def test_two_seeds_give_two_models(tmp_path):
    first = train(tiny_config(tmp_path / "a", num_steps=1, seed=0), clips=drawn_clips(count=6))
    second = train(tiny_config(tmp_path / "b", num_steps=1, seed=1), clips=drawn_clips(count=6))
    assert first.losses != second.losses


def test_accumulating_two_small_batches_equals_one_large_batch_in_its_clips(tmp_path):
    from vsd2m.generation.data import batch_indices

    large = batch_indices(7, seed=0, first=3 * 4, count=4)
    small = [batch_indices(7, seed=0, first=(3 * 2 + micro) * 2, count=2) for micro in range(2)]
    assert [*large] == [*small[0], *small[1]]
    result = train(tiny_config(tmp_path, num_steps=2, batch_size=2, accumulation=2), clips=drawn_clips(count=6))
    assert len(result.losses) == 2


def test_the_saved_pipeline_holds_averaged_weights_and_the_state_holds_the_raw_ones(tmp_path):
    from vsd2m.generation.training.checkpoint import read_state

    result = train(tiny_config(tmp_path, num_steps=8), clips=drawn_clips(count=6))
    state = read_state(result.checkpoint)
    saved = weights_of(result.checkpoint)["unet"]["conv_in.weight"]
    matches = [weight for weight in state["weights"] if weight.shape == saved.shape]
    averages = [weight for weight in state["ema"]["shadow_params"] if weight.shape == saved.shape]
    assert any(torch.equal(saved, average) for average in averages)
    assert not any(torch.equal(saved, weight) for weight in matches)


def test_only_the_newest_checkpoints_are_kept_and_nothing_half_written(tmp_path):
    train(tiny_config(tmp_path, num_steps=5, save_every=1, keep_last_n=2), clips=drawn_clips(count=6))
    found = sorted(path.name for path in tmp_path.iterdir() if "checkpoint" in path.name)
    assert found == ["checkpoint-000004", "checkpoint-000005"]


def test_a_training_that_has_burst_stops_and_names_the_stickers_of_the_last_batch(tmp_path):
    values = {"num_steps": 30, "max_skipped_steps": 2, "optimizer": {"learning_rate": 1e30, "warmup_steps": 0}}
    with pytest.raises(TrainingError, match=r"3 steps in a row were skipped.*the loss is not finite.* 0{20}"):
        train(tiny_config(tmp_path, **values), clips=drawn_clips(count=6))


def test_a_checkpoint_of_another_model_is_not_gone_on_with(tmp_path):
    train(tiny_config(tmp_path, num_steps=1), clips=drawn_clips(count=6))
    with pytest.raises(TrainingError, match="another model"):
        train(tiny_config(tmp_path, num_steps=2, seed=5), clips=drawn_clips(count=6))
    result = train(tiny_config(tmp_path, num_steps=1, seed=5, resume=False), clips=drawn_clips(count=6))
    assert len(result.losses) == 1


def test_no_clips_is_an_error_and_leaves_no_cache(tmp_path):
    with pytest.raises(TrainingError, match="no clips"):
        train(tiny_config(tmp_path), clips=ClipSource("empty", list))
    assert list((tmp_path / "cache").glob("*")) == []


def test_clips_are_encoded_once_and_again_when_they_change(tmp_path):
    reads = []

    def source(count):
        clips = drawn_clips(count=count)
        return ClipSource(clips.identity, lambda: (reads.append(count), clips.read())[1])

    config = tiny_config(tmp_path, num_steps=1, resume=False)
    for count in (6, 6, 5):
        train(config, clips=source(count))
    assert reads == [6, 5]


def test_captions_longer_than_the_text_encoder_takes_are_counted(tmp_path):
    clips = list(drawn_clips(count=4).read())
    long = [
        type(clips[0])(c.key, c.text + " that never stops moving to the right" * (n == 0), c.frames, c.mask)
        for n, c in enumerate(clips)
    ]
    text = {"hidden_size": 16, "num_heads": 2, "max_length": 12, "vocab_size": 600}
    result = train(tiny_config(tmp_path, num_steps=1, text=text), clips=ClipSource("long", lambda: long))
    assert result.num_captions_truncated == 1


def test_a_missing_base_checkpoint_is_one_clear_line(tmp_path):
    config = tiny_config(tmp_path, model={"pretrained": str(tmp_path / "nothing")}, trainable="temporal")
    with pytest.raises(EngineError, match="expected the hub id or the folder of a Stable Diffusion"):
        train(config, clips=drawn_clips(count=2))


def test_samples_are_drawn_at_every_checkpoint_without_changing_the_training(tmp_path):
    values = {"num_steps": 2, "save_every": 1}
    plain = train(tiny_config(tmp_path / "plain", **values), clips=drawn_clips(count=6))
    sampling = {"num_inference_steps": 1}
    config = tiny_config(tmp_path / "drawn", sample_prompts=["a red square"], sampling=sampling, **values)
    drawn = train(config, clips=drawn_clips(count=6))
    assert drawn.losses == plain.losses
    for name in ("checkpoint-000001", "checkpoint-000002"):
        folder = tmp_path / "drawn" / "samples" / name
        assert (folder / "000000.gif").stat().st_size > 0
        assert (folder / "contact_sheet.png").stat().st_size > 0


def test_on_a_cpu_training_computes_in_float32_whatever_the_preset_unless_half_precision_is_asked_for(tmp_path):
    from vsd2m.generation.config import RECIPES, TrainConfig
    from vsd2m.generation.training.loop import precision

    for preset in RECIPES:
        values = {"preset": preset, "out": str(tmp_path), "data": {"shards": "unused"}}
        assert precision(TrainConfig.model_validate(values)) == ("bf16" if torch.cuda.is_available() else "no")
        assert precision(TrainConfig.model_validate({**values, "mixed_precision": "bf16"})) == "bf16"
