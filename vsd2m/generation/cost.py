"""What drawing a sticker costs: the content of `cost.json`, which the benchmark reads."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


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

    def as_json(self) -> bytes:
        """Seconds of a sticker, weights that run, the most memory held (of the GPU if it ran on one, else of the
        process), the device, and how many stickers were timed."""
        facts = {
            "seconds_per_sample": round(self.seconds / self.num_samples, 4),
            "num_parameters": self.num_parameters,
            "peak_memory_bytes": self._peak_memory(),
            "device": self._device_name(),
            "num_samples": self.num_samples,
        }
        return (json.dumps(facts, indent=2) + "\n").encode()

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
