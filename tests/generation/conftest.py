import pytest
from tiny_models import TINY_2D

from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch

torch = pytest.importorskip("torch")
allow_torchvision_beside_cpu_torch()


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def unet2d():
    """A 2D network of Stable Diffusion 2.x's classes and layout, tiny."""
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    return UNet2DConditionModel(**TINY_2D).eval()
