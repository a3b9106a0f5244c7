"""Measures what drawing a sticker costs, for `cost.json`."""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vsd2m.core.generated_files import Cost


class CostMeter:
    """Times a pipeline's work; writing files is not counted."""

    def __init__(self, pipeline: Any) -> None:
        parts = [part for part in pipeline.components.values() if hasattr(part, "parameters")]
        self.num_parameters = sum(weight.numel() for part in parts for weight in part.parameters())
        self.device = str(pipeline.device)
        self.seconds = 0.0
        self.num_samples = 0

    @contextmanager
    def timed(self, num_samples: int) -> Iterator[None]:
        """Counts what is done inside as the work of `num_samples` stickers; wall clock."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started
        self.num_samples += num_samples

    def cost(self) -> Cost:
        """What a sticker cost so far; memory is that of the GPU if the pipeline is on one, else of the process."""
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
