"""Measures the cost of generating a sticker, for `cost.json`."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vsd2m.core.generated_files import Cost


class CostMeter:
    """Measures a pipeline's time and memory, without writing files."""

    def __init__(self, pipeline: Any) -> None:
        parts = [part for part in pipeline.components.values() if hasattr(part, "parameters")]
        self.num_parameters = sum(weight.numel() for part in parts for weight in part.parameters())
        self.device = str(pipeline.device)
        self.seconds = 0.0
        self.num_samples = 0

    @contextmanager
    def timed(self, num_samples: int) -> Iterator[None]:
        """Measures the wall-clock time of the block as that of `num_samples` stickers."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        self.num_samples += num_samples

    def cost(self) -> Cost:
        """The cost per sticker so far; memory is the GPU's if the pipeline is on one, else the process's."""
        return Cost(
            seconds_per_sample=float(f"{self.seconds / self.num_samples:.4g}"),
            num_parameters=self.num_parameters or None,
            peak_memory_bytes=self._peak_memory(),
            device=self._device_name(),
            num_samples=self.num_samples,
        )

    def _peak_memory(self) -> int:
        if self.device.startswith("cuda"):
            import torch

            return int(torch.cuda.max_memory_allocated())
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else used * 1024

    def _device_name(self) -> str:
        if self.device.startswith("cuda"):
            import torch

            return str(torch.cuda.get_device_name())
        return self.device
