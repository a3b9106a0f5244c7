import subprocess
import sys

_IMPORT_TWICE = """
from vsd2m.networks.torchvision_cpu import allow_torchvision_beside_cpu_torch
import sys
assert "torch" not in sys.modules, "importing the module must not import torch"
allow_torchvision_beside_cpu_torch()
allow_torchvision_beside_cpu_torch()
import torchvision.transforms
import timm
allow_torchvision_beside_cpu_torch()
print(timm.__version__)
"""


def test_timm_and_torchvision_import_beside_any_torch_and_calling_again_does_no_harm() -> None:
    result = subprocess.run([sys.executable, "-c", _IMPORT_TWICE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
