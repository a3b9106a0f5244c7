from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")


def scheduler(prediction_type, **options):
    from diffusers import DDIMScheduler

    return DDIMScheduler(prediction_type=prediction_type, **options)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
def test_the_target_is_what_turns_the_noisy_clip_back_into_the_clean_one(prediction_type):
    from vsd2m.generation.diffusion.noise import prediction_target

    noise_scheduler = scheduler(prediction_type, clip_sample=False)
    noise_scheduler.set_timesteps(1000)
    latents, noise, timestep = torch.randn(1, 4, 3, 2, 2), torch.randn(1, 4, 3, 2, 2), torch.tensor([600])
    noisy = noise_scheduler.add_noise(latents, noise, timestep)
    target = prediction_target(noise_scheduler, latents, noise, timestep)
    restored = noise_scheduler.step(target, 600, noisy).pred_original_sample
    assert torch.allclose(restored, latents, atol=1e-3)


def test_min_snr_weights_are_those_of_the_paper():
    from vsd2m.generation.diffusion.noise import min_snr_weights

    timesteps = torch.tensor([0, 200, 500, 999])
    alpha = scheduler("epsilon").alphas_cumprod[timesteps]
    snr = alpha / (1 - alpha)
    for prediction_type, expected in (
        ("epsilon", snr.clamp(max=5) / snr),
        ("v_prediction", snr.clamp(max=5) / (snr + 1)),
        ("sample", snr.clamp(max=5)),
    ):
        assert torch.allclose(min_snr_weights(scheduler(prediction_type), timesteps, 5.0), expected, rtol=1e-4)
    assert min_snr_weights(scheduler("epsilon"), timesteps, None).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("floor", [0.0, 1.0, 0.25])
def test_the_pure_noise_that_sampling_starts_from_has_the_weight_of_the_floor(prediction_type, floor):
    from vsd2m.generation.diffusion.noise import min_snr_weights

    noise_scheduler = scheduler(prediction_type, rescale_betas_zero_snr=True)
    noise_scheduler.alphas_cumprod[-1] = 0
    timesteps = torch.arange(1000)
    weights = min_snr_weights(noise_scheduler, timesteps, 5.0, floor=floor)
    assert weights.isfinite().all()
    assert weights[-1] == (1 if prediction_type == "epsilon" else floor)
    without = min_snr_weights(noise_scheduler, timesteps, 5.0)
    alpha = noise_scheduler.alphas_cumprod
    above = (alpha / (1 - alpha) >= floor) | (prediction_type == "epsilon")
    assert torch.equal(weights[above], without[above])
    assert (weights >= without).all()


def test_by_default_training_weighs_the_level_that_sampling_starts_from(tmp_path):
    from tiny_models import drawn_clips, tiny_config

    from vsd2m.generation.trainer import train

    def loss(**values):
        noise = {"prediction_type": "v_prediction", "min_snr_gamma": 5.0, "num_train_timesteps": 10, **values}
        config = tiny_config(tmp_path / str(values), num_steps=1, batch_size=64, noise=noise)
        return train(config, clips=drawn_clips(count=6)).losses[0]

    assert loss() > 1.2 * loss(min_snr_floor=0.0)


class Stickers:
    """Two stickers in memory, as an objective reads them: one whole, one whose last two frames only fill."""

    def __init__(self):
        self.keys, self.texts = ["whole", "short"], ["a square", "a square"]
        self.masks = np.array([[True] * 4, [True, True, False, False]])

    def latents(self, indices):
        clips = torch.zeros(2, 3, 4, 8, 8)
        clips[1, :, 2:] = 5.0  # only the filled frames differ
        return clips[torch.from_numpy(indices)]


def test_training_weighs_noise_levels_and_filled_frames_as_its_config_says(tmp_path):
    """The loss of a model that always answers 0 is the weighted mean of the squared targets, worked out here."""
    from diffusers import DDPMScheduler
    from tiny_models import tiny_config

    from vsd2m.generation.diffusion.noise import min_snr_weights
    from vsd2m.generation.diffusion.objective import DenoisingObjective

    class States:
        def of(self, texts):
            return torch.zeros(len(texts), 5, 16)

    scheduler = DDPMScheduler(num_train_timesteps=1000, prediction_type="sample")
    pipeline = SimpleNamespace(
        scheduler=scheduler, unet=SimpleNamespace(gates=(), down_blocks=[], mid_block=None, up_blocks=[])
    )
    indices, timesteps = np.array([1, 1, 1]), []

    def zero(noisy, steps, text):
        timesteps.append(steps)
        return torch.zeros_like(noisy)

    def loss(gamma, fill_weight):
        data = {"shards": "unused", "num_frames": 4, "size": 8, "fill_weight": fill_weight}
        config = tiny_config(tmp_path, noise={"min_snr_gamma": gamma, "min_snr_floor": 0.0}, data=data)
        torch.manual_seed(3)
        return DenoisingObjective(config, pipeline, Stickers(), States()).loss(zero, indices, torch.device("cpu"))

    # the target is the clip: 0 in its own frames, 25 squared in the two that fill
    assert torch.isclose(loss(None, 1.0), torch.tensor(12.5))
    assert torch.isclose(loss(None, 0.5), torch.tensor(25 * 2 * (0.5 / 0.75) / 4))
    assert loss(None, 0.0) == 0
    weighted = loss(5.0, 1.0)
    expected = min_snr_weights(scheduler, timesteps[-1], 5.0).mean()
    assert expected != 1
    assert torch.isclose(weighted, 12.5 * expected)


def test_the_vqvae_learns_filled_frames_by_their_weight(tmp_path):
    from tiny_models import small_videogpt_config

    from vsd2m.generation.videogpt.objectives import ReconstructionObjective

    def loss(fill_weight):
        config = small_videogpt_config(tmp_path, data={"fill_weight": fill_weight})
        black = lambda clips: (torch.zeros_like(clips), SimpleNamespace(commitment=0.0))  # noqa: E731
        return ReconstructionObjective(config, None, Stickers()).loss(black, np.array([1]), torch.device("cpu"))

    assert loss(0.0) == 0
    assert loss(1.0) > loss(0.5) > 0


def test_filled_frames_weigh_less_and_every_clip_weighs_the_same():
    from vsd2m.generation.training.frame_weights import frame_weights

    mask = torch.tensor([[True, True, True, False], [True, True, True, True]])
    weights = frame_weights(mask, 0.5)
    assert weights[0, 3] == weights[0, 0] / 2
    assert torch.allclose(weights.mean(dim=1), torch.ones(2))
    assert torch.equal(frame_weights(mask, 0.0)[0, 3], torch.tensor(0.0))


def test_the_loss_is_the_mean_squared_error_when_nothing_is_weighted():
    from vsd2m.generation.diffusion.noise import denoising_loss

    prediction, target = torch.randn(2, 4, 3, 5, 5), torch.randn(2, 4, 3, 5, 5)
    loss = denoising_loss(prediction, target, torch.ones(2), torch.ones(2, 3))
    assert torch.allclose(loss, torch.nn.functional.mse_loss(prediction, target))
    only_second = denoising_loss(prediction, target, torch.tensor([0.0, 2.0]), torch.ones(2, 3))
    assert torch.allclose(only_second, torch.nn.functional.mse_loss(prediction[1], target[1]))
