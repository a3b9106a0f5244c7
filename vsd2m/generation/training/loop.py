"""The training loop. A step is a function of the weights, the optimiser and the step's number: all randomness of
step k is seeded by (seed, k, rank), which is what makes a resumed run repeat an uninterrupted one exactly.
"""

import copy
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from diffusers.training_utils import EMAModel
from torch.distributed.tensor import DTensor

from vsd2m.core.commit import digest
from vsd2m.generation.config import TrainConfig
from vsd2m.generation.data import batch_indices
from vsd2m.generation.errors import TrainingError
from vsd2m.generation.training.checkpoint import (
    checkpoint_path,
    keep_last,
    list_checkpoints,
    read_state,
    write_checkpoint,
    write_losses,
)
from vsd2m.generation.training.finite import StepOutcome, all_finite, gather_outcome, lower_scale, name_stickers
from vsd2m.generation.training.objective import Objective
from vsd2m.generation.training.schedule import make_optimizer, schedule_share, set_learning_rate
from vsd2m.generation.training.sharding import (
    fsdp_plugin,
    shard_like,
    shard_on_cpu_too,
    shard_optimizer_state,
    whole,
)
from vsd2m.generation.training.trackers import finish_trackers, start_trackers, tracker_arguments

LOSSES = "losses.jsonl"
_log = logging.getLogger(__name__)


class TrainingLoop:
    """Trains an objective, and checkpoints it in `config.out`."""

    def __init__(self, config: TrainConfig, objective: Objective) -> None:
        self.config = config
        self.objective = objective
        self.folder = Path(config.out)
        self.accelerator = make_accelerator(config, objective)
        self.module = objective.module_of(objective.pipeline)
        trained = {name: weight for name, weight in self.module.named_parameters() if weight.requires_grad}
        gates = {name for name in trained if name.rsplit(".", 1)[-1] in objective.gates}
        self.identity = run_identity(config)
        # sharded weights cannot be saved in place: averaged weights are gathered into this copy
        self.saved = copy.deepcopy(objective.pipeline) if config.fsdp else objective.pipeline
        gate_names = gates if config.optimizer.gate_learning_rate is not None else set()
        optimizer = make_optimizer(
            [weight for name, weight in trained.items() if name not in gate_names],
            [weight for name, weight in trained.items() if name in gate_names],
            config.optimizer,
        )
        self.model, self.optimizer = self.accelerator.prepare(self.module, optimizer)
        self.parameters = [weight for weight in self.model.parameters() if weight.requires_grad]
        self.gates = {name: weight for name, weight in zip(trained, self.parameters, strict=True) if name in gates}
        self.buffers = persistent_buffers(self.module)
        self.ema = EMAModel(self.parameters, decay=config.optimizer.ema_decay)
        self.losses: list[float] = []
        self.skipped: list[dict[str, Any]] = []
        """`step`, counted from 1, `reason` and `stickers` of every step that was skipped."""
        self.gradient_norm = 0.0
        self.step = 0

    def run(
        self,
        *,
        on_step: Callable[[int, int, float], None] | None = None,
        on_checkpoint: Callable[[Path], None] | None = None,
    ) -> Path:
        """Trains to `num_steps`; returns the last checkpoint.

        `on_step(step, num_steps, loss)` is called after each step, `on_checkpoint` by the first process after each
        checkpoint.
        """
        self._resume()
        start_trackers(self.accelerator, self.config, self.folder)
        path = checkpoint_path(self.folder, self.step)
        while self.step < self.config.num_steps:
            loss = self.train_step()
            self.step += 1
            self.losses.append(loss)
            self._track(loss)
            if self.step % self.config.save_every == 0 or self.step == self.config.num_steps:
                path = self._save()
                if on_checkpoint is not None and self.accelerator.is_main_process:
                    on_checkpoint(path)
            if on_step is not None:
                on_step(self.step, self.config.num_steps, loss)
        finish_trackers(self.accelerator)
        return path

    def train_step(self) -> float:
        """One optimiser step; its mean loss over all devices.

        If the loss or the gradient is not finite, only `skipped` changes; `TrainingError` if that happens more than
        `max_skipped_steps` times in a row.
        """
        self.model.train()
        self._seed_step()
        before = [buffer.clone() for buffer in self.buffers.values()]
        losses = []
        for micro in range(self.config.accumulation):
            loss = self.objective.loss(self.model, self._indices(micro), self.accelerator.device)
            # a loss that is not finite is propagated too: the other processes wait for this one's gradients
            self.accelerator.backward(loss / self.config.accumulation)
            losses.append(loss.detach())
        norm = self.accelerator.clip_grad_norm_(self.parameters, self.config.optimizer.max_grad_norm)
        outcome = gather_outcome(self.accelerator, losses, norm)
        if outcome.suspects:
            self._skip(outcome, before)
        else:
            set_learning_rate(self.optimizer, self.config.optimizer, self._schedule_share(self.step))
            self.optimizer.step()
            self.ema.step(self.parameters)
        self.optimizer.zero_grad()
        self.gradient_norm = outcome.gradient_norm
        return outcome.loss

    def _skip(self, outcome: StepOutcome, buffers: list[torch.Tensor]) -> None:
        """Reverts the changes of the forward passes, records their stickers, and stops a training that cannot
        recover."""
        for buffer, value in zip(self.buffers.values(), buffers, strict=True):
            buffer.copy_(value)
        if (scaler := self.accelerator.scaler) is not None:
            lower_scale(scaler)
        keys = [
            self.objective.keys[index]
            for process, micro in outcome.suspects
            for index in self._indices(micro, process=process)
        ]
        entry = {"step": self.step + 1, "reason": outcome.reason, "stickers": keys}
        self.skipped.append(entry)
        problem = f"the {outcome.reason} is not finite; stickers: {name_stickers(keys)}"
        if self.accelerator.is_main_process:
            _log.warning("step %d is skipped: %s", self.step + 1, problem)
        if not all_finite(self.accelerator, self.parameters):
            raise TrainingError(
                f"the weights are not finite before step {self.step + 1}; lower optimizer.learning_rate"
            )
        if self._num_skipped_in_a_row() > self.config.max_skipped_steps:
            raise TrainingError(
                f"{self._num_skipped_in_a_row()} steps in a row were skipped, of which step {self.step + 1} is "
                f"the last: {problem}; lower optimizer.learning_rate, leave these stickers out, or raise "
                "max_skipped_steps"
            )

    def _num_skipped_in_a_row(self) -> int:
        """The number of successive skipped steps, up to and including the current one."""
        steps = {entry["step"] for entry in self.skipped}
        step = self.step + 1
        while step in steps:
            step -= 1
        return self.step + 1 - step

    def _track(self, loss: float) -> None:
        """Sends the numbers of the current step to the trackers."""
        values: dict[str, Any] = {
            "loss": loss,
            "gradient_norm": self.gradient_norm,
            "learning_rate": self.config.optimizer.learning_rate * self._schedule_share(self.step - 1),
            "skipped_steps": len(self.skipped),
        }
        if self.skipped and self.skipped[-1]["step"] == self.step:
            values["skipped_stickers"] = ", ".join(self.skipped[-1]["stickers"])
        if self.config.trackers:
            values |= self._gate_values()
        self.accelerator.log(values, step=self.step)

    def _gate_values(self) -> dict[str, float]:
        """Every gate, by the name of its parameter; all processes call it."""
        if not self.gates:
            return {}
        numbers = [weight.full_tensor() if isinstance(weight, DTensor) else weight for weight in self.gates.values()]
        values = torch.cat([number.detach().float().reshape(1) for number in numbers]).tolist()
        return {f"gates/{name}": value for name, value in zip(self.gates, values, strict=True)}

    def _schedule_share(self, step: int) -> float:
        return schedule_share(self.config.optimizer, step, self.config.num_steps)

    def _indices(self, micro: int, *, process: int | None = None) -> Any:
        """The clips of a micro-batch, of this process or of another."""
        size, world = self.config.batch_size, self.accelerator.num_processes
        process = self.accelerator.process_index if process is None else process
        number = (self.step * self.config.accumulation + micro) * world + process
        return batch_indices(len(self.objective.keys), seed=self.config.seed, first=number * size, count=size)

    def _seed_step(self) -> None:
        # one number for (seed, step, rank): dropout inside the network draws from torch's global generators
        generator = torch.Generator().manual_seed(self.config.seed)
        offset = int(torch.randint(2**40, (1,), generator=generator))
        torch.manual_seed(offset + self.step * self.accelerator.num_processes + self.accelerator.process_index)

    def _save(self) -> Path:
        path = checkpoint_path(self.folder, self.step)
        if not all_finite(self.accelerator, self._learnt_tensors()):
            raise TrainingError(
                f"after step {self.step} the weights are not finite, so no checkpoint is written; lower "
                "optimizer.learning_rate and start again: training resumes from the last checkpoint"
            )
        state = self._state()
        if self.accelerator.is_main_process:
            if self.config.fsdp:
                self._fill_copy(state["ema"]["shadow_params"])
            else:
                self.ema.store(self.parameters)
                self.ema.copy_to(self.parameters)
            write_checkpoint(path, state, lambda folder: self.objective.save(self.saved, folder))
            if not self.config.fsdp:
                self.ema.restore(self.parameters)
            write_losses(self.folder / LOSSES, self.losses, self.skipped)
            keep_last(self.folder, self.config.keep_last_n)
        self.accelerator.wait_for_everyone()
        return path

    def _learnt_tensors(self) -> Iterator[torch.Tensor]:
        """This process's weights, averages, buffers and moments."""
        yield from self.parameters
        yield from self.ema.shadow_params
        yield from self.buffers.values()
        for moments in self.optimizer.state_dict()["state"].values():
            yield from (value for value in moments.values() if isinstance(value, torch.Tensor))

    def _state(self) -> dict[str, Any]:
        """The whole state for the next step, in the first process; all processes take part."""
        keep = self.accelerator.is_main_process
        return {
            "step": self.step,
            "identity": self.identity,
            "weights": [whole(weight.detach().clone(), keep=keep) for weight in self.parameters],
            "buffers": {name: buffer.clone() for name, buffer in self.buffers.items()},
            "optimizer": whole(self.optimizer.state_dict(), keep=keep),
            "ema": whole(self.ema.state_dict(), keep=keep),
            "losses": self.losses,
            "skipped": self.skipped,
            "scaler": scaler.state_dict() if (scaler := self.accelerator.scaler) else None,
        }

    def _fill_copy(self, weights: list[torch.Tensor]) -> None:
        module = self.objective.module_of(self.saved)
        trainable = [weight for weight in module.parameters() if weight.requires_grad]
        with torch.no_grad():
            for weight, average in zip(trainable, weights, strict=True):
                weight.copy_(average)

    def _resume(self) -> None:
        checkpoints = list_checkpoints(self.folder) if self.config.resume else []
        if not checkpoints:
            return
        _, path = checkpoints[-1]
        state = read_state(path)
        if state["identity"] != self.identity:
            raise TrainingError(
                f"{path} was trained with another model, data or optimiser; give another `out`, or `resume: false`"
            )
        with torch.no_grad():
            for weight, saved in zip(self.parameters, state["weights"], strict=True):
                weight.copy_(shard_like(saved, weight))
            for name, buffer in self.buffers.items():
                buffer.copy_(state["buffers"][name])
        ordered = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        self.optimizer.load_state_dict(shard_optimizer_state(state["optimizer"], ordered))
        self.ema.load_state_dict(state["ema"])
        averages = zip(self.ema.shadow_params, self.parameters, strict=True)
        self.ema.shadow_params = [shard_like(average, weight) for average, weight in averages]
        self.ema.to(self.accelerator.device)
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.losses = list(state["losses"])
        self.skipped = list(state.get("skipped", []))
        self.step = state["step"]


def make_accelerator(config: TrainConfig, objective: Objective) -> Accelerator:
    """The devices of this run: its processes, arithmetic, sharding and trackers."""
    folder = Path(config.out)
    plugin = fsdp_plugin(objective.shard_blocks) if config.fsdp else None
    AcceleratorState._reset_state()  # accelerate would use the precision of the first training of the process
    accelerator = Accelerator(
        cpu=not torch.accelerator.is_available(),
        mixed_precision=precision(config),
        fsdp_plugin=plugin,
        **tracker_arguments(config, folder),
    )
    if plugin is not None:
        shard_on_cpu_too(accelerator, plugin)
    return accelerator


def precision(config: TrainConfig) -> str:
    """The precision of the forward pass on this machine: "no" (float32), "bf16" or "fp16"."""
    if config.mixed_precision != "auto":
        return config.mixed_precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False) else "no"


def persistent_buffers(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A module's buffers, such as a codebook."""
    parameters = {name for name, _ in module.named_parameters()}
    return {name: value for name, value in module.state_dict().items() if name not in parameters}


def run_identity(config: TrainConfig) -> str:
    """The settings that must be equal to resume from a checkpoint; others, such as the number of steps, may change.

    Settings with their default value are omitted, so that a new option leaves old checkpoints valid.
    """
    fields = {"model", "text", "data", "noise", "optimizer", "lora", "trainable", "batch_size", "accumulation", "seed"}
    fields |= {"family", "videogpt"}
    without = {"data": {"cache", "cache_text"}}
    counted = config.model_dump(mode="json", include=fields, exclude=without, exclude_defaults=True)
    return digest({name: value for name, value in counted.items() if value != {}})
