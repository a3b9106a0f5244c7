"""A step whose loss or gradient is not finite is skipped, counted and named; nothing that is not finite is saved."""

import json
import logging
import math

import numpy as np
import pytest
from tiny_models import drawn_clips, small_videogpt_config, tagged_clips, tiny_config

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from vsd2m.generation.errors import TrainingError  # noqa: E402
from vsd2m.generation.trainer import train  # noqa: E402
from vsd2m.generation.training.checkpoint import list_checkpoints, read_state  # noqa: E402
from vsd2m.generation.training.finite import lower_scale  # noqa: E402
from vsd2m.generation.training.loop import TrainingLoop  # noqa: E402

FAMILIES = ("diffusion", "vqvae", "prior")
NUM_CLIPS = 6
BURSTING = {"learning_rate": 1e37, "weight_decay": 1e3, "warmup_steps": 0}
"""The first step leaves infinite weights, by a finite gradient."""


class SpoiltGradient:
    """An objective whose loss stays what it is, while the gradient of batches with certain stickers is not a number."""

    def __init__(self, objective, spoilt):
        self._objective = objective
        self.spoilt = set(spoilt)

    def __getattr__(self, name):
        return getattr(self._objective, name)

    def loss(self, model, indices, device):
        loss = self._objective.loss(model, indices, device)
        if self.spoilt & {self.keys[index] for index in indices}:
            loss = loss + (0 * next(model.parameters())).square().sum().sqrt()  # 0, with the gradient 0 / 0
        return loss


def make_objective(family, folder, **values):
    """The config and the objective of one of the three networks that are trained."""
    if family == "diffusion":
        from vsd2m.generation.diffusion.build import build_pipeline
        from vsd2m.generation.diffusion.objective import DenoisingObjective
        from vsd2m.generation.training.codec import make_codec
        from vsd2m.generation.training.latents import encode_clips

        config = tiny_config(folder, **values)
        store = encode_clips(config, make_codec(None, config.model.patch_size), drawn_clips(count=NUM_CLIPS))
        return config, DenoisingObjective(config, build_pipeline(config, None, store.texts), store)
    from vsd2m.generation.training.codec import PixelCodec
    from vsd2m.generation.training.latents import encode_clips
    from vsd2m.generation.videogpt.objectives import NextCodeObjective, ReconstructionObjective
    from vsd2m.generation.videogpt.pipeline import VideoGPTPipeline
    from vsd2m.generation.videogpt.train import make_prior, make_vqvae, vqvae_config

    config = small_videogpt_config(folder, **values)
    if family == "vqvae":
        config = vqvae_config(
            config.model_copy(update={"videogpt": config.videogpt.model_copy(update={"vqvae_steps": config.num_steps})})
        )
    torch.manual_seed(config.seed)
    vqvae = make_vqvae(config)
    store = encode_clips(config, PixelCodec(1), tagged_clips(NUM_CLIPS))
    if family == "vqvae":
        return config, ReconstructionObjective(config, vqvae, store)
    pipeline = VideoGPTPipeline(vqvae, make_prior(config, ("red",)))
    codes = np.random.default_rng(0).integers(0, 16, (NUM_CLIPS, pipeline.prior.length), np.int32)
    return config, NextCodeObjective(config, pipeline, store.keys, codes, [[1]] * NUM_CLIPS)


def run(family, folder, spoilt=(), *, on_step=None, **values):
    """A training loop after all its steps; batches with the `spoilt` clips have a gradient that is not a number."""
    config, objective = make_objective(family, folder, **{"batch_size": 1, "save_every": 2, "num_steps": 6, **values})
    loop = TrainingLoop(config, SpoiltGradient(objective, [objective.keys[index] for index in spoilt]))
    loop.run(on_step=on_step)
    return loop


def order_of_clips(loop, num_steps=6):
    """The keys of every step's batch."""
    from vsd2m.generation.data import batch_indices

    config, keys = loop.config, loop.objective.keys
    size = config.batch_size * config.accumulation
    return [
        [keys[index] for index in batch_indices(len(keys), seed=config.seed, first=step * size, count=size)]
        for step in range(num_steps)
    ]


def tensors_of(tree):
    """All tensors of a tree of dicts and lists."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    values = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else []
    return [tensor for value in values for tensor in tensors_of(value)]


def equal_states(first, second):
    pairs = list(zip(tensors_of(first), tensors_of(second), strict=True))
    return len(pairs) > 10 and all(torch.equal(*pair) for pair in pairs)


# the VQ-VAE is not among bf16's: on some CPUs oneDNN's own gradients of its 3D convolutions are not numbers then
@pytest.mark.parametrize(
    ("family", "precision"), [*((family, "no") for family in FAMILIES), ("diffusion", "bf16"), ("prior", "bf16")]
)
def test_a_gradient_that_is_not_a_number_costs_one_step_and_its_own_stickers_are_named(
    family, precision, tmp_path, caplog
):
    loop = run(family, tmp_path, [3], mixed_precision=precision)
    (step,) = [number for number, keys in enumerate(order_of_clips(loop), start=1) if loop.objective.keys[3] in keys]
    assert loop.skipped == [{"step": step, "reason": "gradient", "stickers": [loop.objective.keys[3]]}]
    assert f"step {step} is skipped: the gradient is not finite; stickers: {loop.objective.keys[3]}" in caplog.text
    assert all(math.isfinite(loss) for loss in loop.losses)
    state = read_state(list_checkpoints(loop.folder)[-1][1])
    assert all(tensor.isfinite().all() for tensor in tensors_of(state))
    moments = [entry["step"] for entry in state["optimizer"]["state"].values()]
    assert max(moments) == 5  # of six


@pytest.mark.parametrize("family", FAMILIES)
def test_a_skipped_step_leaves_everything_that_is_learnt_as_it_was(family, tmp_path):
    probe = run(family, tmp_path / "probe", num_steps=1)
    (first,) = order_of_clips(probe)[0]
    seen = probe.objective.keys.index(first)
    loop = run(family, tmp_path / "spoilt", [seen], num_steps=1)
    _, fresh = make_objective(family, tmp_path / "fresh")
    state, untouched = loop.module.state_dict(), fresh.module_of(fresh.pipeline).state_dict()
    assert loop.skipped[0]["step"] == 1
    assert all(torch.equal(state[name], value) for name, value in untouched.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_with_a_skipped_step_resumes_to_the_bit(family, tmp_path):
    class KilledError(Exception):
        pass

    def kill_at_5(step, num_steps, loss):
        if step == 5:
            raise KilledError

    whole = run(family, tmp_path / "whole", [3, 1])
    with pytest.raises(KilledError):
        run(family, tmp_path / "killed", [3, 1], on_step=kill_at_5)
    torch.manual_seed(123)
    resumed = run(family, tmp_path / "killed", [3, 1])
    assert resumed.losses == whole.losses
    assert len(whole.skipped) == 2
    assert resumed.skipped == whole.skipped
    states = [read_state(list_checkpoints(loop.folder)[-1][1]) for loop in (whole, resumed)]
    assert equal_states(*states)


def test_with_accumulation_the_whole_step_is_skipped_and_all_it_saw_is_named(tmp_path):
    loop = run("diffusion", tmp_path, [3], num_steps=3, accumulation=2)
    (step,) = [number for number, keys in enumerate(order_of_clips(loop, 3), 1) if loop.objective.keys[3] in keys]
    assert [entry["step"] for entry in loop.skipped] == [step]
    assert loop.skipped[0]["stickers"] == order_of_clips(loop, 3)[step - 1]


@pytest.mark.parametrize("in_a_row", [1, 2])
def test_training_is_given_up_after_too_many_skipped_steps_in_a_row_and_the_good_checkpoint_stays(in_a_row, tmp_path):
    order = order_of_clips(run("diffusion", tmp_path / "probe", num_steps=1))
    keys = [key for keys in order for key in keys]
    probe = run("diffusion", tmp_path / "probe2", num_steps=1)
    spoilt = [probe.objective.keys.index(key) for key in keys[3:5]]  # the fourth and the fifth step
    if in_a_row == 2:
        loop = run("diffusion", tmp_path / "run", spoilt, save_every=1, keep_last_n=1, max_skipped_steps=2)
        assert [entry["step"] for entry in loop.skipped] == [4, 5]
        return
    with pytest.raises(TrainingError, match=f"2 steps in a row were skipped, of which step 5.*: {keys[4]};"):
        run("diffusion", tmp_path / "run", spoilt, save_every=1, keep_last_n=1, max_skipped_steps=1)
    ((step, path),) = list_checkpoints(tmp_path / "run")
    assert step == 4
    assert all(tensor.isfinite().all() for tensor in tensors_of(read_state(path)))


@pytest.mark.parametrize(
    ("config", "clips", "losses"),
    [(tiny_config, drawn_clips, "losses.jsonl"), (small_videogpt_config, tagged_clips, "vqvae/losses.jsonl")],
)
def test_a_clip_that_is_not_finite_is_skipped_in_its_own_micro_batch_by_either_trainer(
    config, clips, losses, tmp_path, caplog
):
    values = {
        "num_steps": 6,
        "batch_size": 1,
        "accumulation": 2,
        "data": {"shards": "unused", "num_frames": 4, "size": 8},
    }
    values["data"]["cache"] = str(tmp_path / "cache")
    source = clips(count=NUM_CLIPS)
    train(config(tmp_path / "first", **{**values, "num_steps": 1}), clips=source)
    (folder,) = (tmp_path / "cache").glob("latents-*")
    shape = tuple(json.loads((folder / "clips.json").read_text())["shape"])
    np.memmap(folder / "latents.bin", np.float16, mode="r+", shape=shape)[2] = np.inf
    with caplog.at_level(logging.WARNING):
        result = train(config(tmp_path / "second", **values), clips=source)
    name = f"{2:032x}"
    lines = [json.loads(line) for line in (tmp_path / "second" / losses).read_text().splitlines()]
    skipped = [line for line in lines if "skipped" in line]
    assert len(skipped) == result.num_skipped_steps >= 1
    assert f"step {skipped[0]['step']} is skipped: the loss is not finite; stickers: {name}\n" in caplog.text
    assert json.loads((tmp_path / "second" / "summary.json").read_text())["num_skipped_steps"] == len(skipped)
    assert [line for line in lines if line["loss"] is None] == skipped
    assert {name} == {key for line in lines for key in line.get("stickers", [])}
    assert all(tensor.isfinite().all() for tensor in tensors_of(read_state(result.checkpoint)))


def test_weights_that_are_not_finite_are_never_written(tmp_path):
    with pytest.raises(TrainingError, match="after step 1 the weights are not finite, so no checkpoint"):
        run("diffusion", tmp_path, save_every=1, optimizer=BURSTING)
    assert list_checkpoints(tmp_path) == []


def test_weights_that_are_not_finite_are_what_is_blamed_not_the_next_batch(tmp_path):
    with pytest.raises(TrainingError, match="the weights are not finite before step 2; lower optimizer.learning_rate"):
        run("diffusion", tmp_path, save_every=6, optimizer=BURSTING)


def test_a_skipped_step_halves_the_loss_scale_of_fp16():
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    for expected in (512.0, 256.0):
        scaler.scale((0 * weight).square().sum().sqrt()).backward()
        scaler.unscale_(optimizer)
        lower_scale(scaler)
        optimizer.zero_grad()
        assert scaler.get_scale() == expected
    scaler.scale((weight - 1).square().sum()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert weight.item() == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside TensorBoard
def test_trackers_count_skipped_steps_and_name_the_stickers(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    loop = run("diffusion", tmp_path, [3], trackers=("tensorboard",))
    events = EventAccumulator(str(tmp_path / "tracking" / "vsd2m")).Reload()
    step = loop.skipped[0]["step"]
    counts = [event.value for event in events.Scalars("skipped_steps")]
    assert counts == [float(number >= step) for number in range(1, 7)]
    norms = [event.value for event in events.Scalars("gradient_norm")]
    assert [math.isfinite(norm) for norm in norms] == [number != step for number in range(1, 7)]
    (named,) = events.Tensors("skipped_stickers/text_summary")
    assert named.step == step
    assert named.tensor_proto.string_val[0].decode() == loop.objective.keys[3]
