"""Makes a torchvision built for CUDA importable with a torch built for the CPU.

Package indexes that serve CPU builds of torch often serve only CUDA builds of torchvision. There
`import torchvision` fails with `operator torchvision::nms does not exist`, and so do timm, open_clip,
torchmetrics and much of transformers. Only the declaration of two operators is missing.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

_MISSING_OPERATORS = ("nms", "qnms")

# torch drops the declarations when the library object dies
_declared: list[Any] = []


def allow_torchvision_beside_cpu_torch() -> None:
    """Makes `import torchvision` succeed in this process; call it before importing timm, transformers or torchvision.

    Does nothing if torchvision is absent, already imported, or able to load its own operators, and nothing the second
    time. `torchvision.ops.nms` still cannot be called.
    """
    if _declared or "torchvision" in sys.modules:
        return
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        return
    import torch

    if torch.version.cuda is not None or torch.version.hip is not None or _loads(Path(package.origin).parent):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _MISSING_OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)


def _loads(package: Path) -> bool:
    """True if torchvision's own operators load into this torch; declaring them as well would then be an error."""
    import torch

    for extension in sorted([*package.glob("_C*.so"), *package.glob("_C*.pyd")]):
        try:
            torch.ops.load_library(str(extension))
        except (ImportError, OSError):
            return False
        return True
    return False
