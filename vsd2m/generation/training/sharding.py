"""FSDP through accelerate, and the conversion between sharded and whole weights.

A checkpoint always contains whole tensors, so one process can resume a training of eight.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map


def fsdp_plugin(block_names: Sequence[str]) -> Any:
    """Full sharding of weights, gradients and optimiser state; the blocks of these classes are gathered one by one."""
    from accelerate import FullyShardedDataParallelPlugin

    return FullyShardedDataParallelPlugin(
        fsdp_version=2,
        reshard_after_forward=True,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=list(block_names),
        cpu_ram_efficient_loading=False,
        state_dict_type="FULL_STATE_DICT",
    )


def shard_on_cpu_too(accelerator: Any, plugin: Any) -> None:
    """Makes accelerate shard among CPU processes: it enables FSDP only with accelerators, which torch does not need."""
    from accelerate.utils import DistributedType

    if accelerator.distributed_type == DistributedType.MULTI_CPU:
        accelerator.state.fsdp_plugin = plugin
        accelerator.state.distributed_type = DistributedType.FSDP


def whole(values: Any, *, keep: bool) -> Any:
    """The tree with every sharded tensor gathered on the CPU. All processes must call it, in step; those without
    `keep` get None instead, so that eight processes do not hold eight copies in one machine's memory."""

    def gather(value: Any) -> Any:
        if not isinstance(value, DTensor):
            return value
        gathered = value.full_tensor()
        return gathered.cpu() if keep else None

    return tree_map(gather, values)


def shard_like(value: torch.Tensor, like: Any) -> Any:
    """A whole tensor, sharded like `like`."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)


def shard_optimizer_state(state: dict[str, Any], parameters: Sequence[Any]) -> dict[str, Any]:
    """An optimiser's state of whole tensors, sharded like its parameters (in the order of its groups)."""

    def laid_out(value: Any, like: Any) -> Any:
        matches = isinstance(value, torch.Tensor) and value.shape == like.shape
        return shard_like(value, like) if matches else value

    moments = {
        index: {name: laid_out(value, parameters[index]) for name, value in entry.items()}
        for index, entry in state["state"].items()
    }
    return {**state, "state": moments}
