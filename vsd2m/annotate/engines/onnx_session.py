"""Sessions of ONNX Runtime whose threads sleep while they wait."""

from pathlib import Path
from typing import Any

from vsd2m.core.registry import import_extra


def onnx_session(model: Path, *, num_threads: int = 1) -> Any:
    """A session on the CPU that computes with `num_threads`; they do not spin while idle."""
    onnxruntime = import_extra("onnxruntime", extra="annotate")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
