"""Weights of eight bits."""

import pytest

from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

allow_torchvision_beside_cpu_torch()

import torch  # noqa: E402

from vsd2m.generation.diffusion.compact import pack, unpack  # noqa: E402


@pytest.mark.parametrize("shape", [(5, 7), (4, 3, 3, 3), (6, 2, 3, 1, 1)])
def test_a_weight_comes_back_within_half_a_level_of_its_channel(shape):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 1, shape[0]).reshape(
        -1, *[1] * (len(shape) - 1)
    )
    found = unpack(pack("w", weight))["w"]
    largest = weight.flatten(1).abs().amax(dim=1).reshape(-1, *[1] * (len(shape) - 1))
    assert found.shape == weight.shape
    assert ((found - weight).abs() <= largest / 254 * 1.001).all()


def test_a_channel_of_zeros_stays_zero():
    assert unpack(pack("w", torch.zeros(2, 3)))["w"].eq(0).all()


def test_vectors_and_whole_numbers_are_not_rounded_to_levels():
    bias, ids = torch.tensor([0.5, -3.25, 1000.0]), torch.arange(300)
    found = unpack({**pack("bias", bias), **pack("ids", ids)})
    assert found["bias"].tolist() == bias.tolist()
    assert found["ids"].tolist() == ids.tolist()
