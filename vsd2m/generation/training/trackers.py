"""TensorBoard and Weights & Biases through accelerate: a scalar per step, the settings once."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vsd2m.core.registry import import_extra
from vsd2m.generation.config import TrainConfig

PROJECT = "vsd2m"
FOLDER = "tracking"
WANDB_ID = "wandb_run_id"


def tracker_arguments(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """The `Accelerator` arguments for the configured trackers.

    `MissingExtraError` if a tracker is not installed: accelerate would silently ignore it.
    """
    for name in config.trackers:
        import_extra(name, extra=name)
    if not config.trackers:
        return {}
    return {"log_with": list(config.trackers), "project_dir": str(folder / FOLDER)}


def start_trackers(accelerator: Any, config: TrainConfig, folder: Path) -> None:
    """Opens the configured trackers; their files are in `tracking` in the run's folder."""
    if not config.trackers:
        return
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    options = {"wandb": wandb_arguments(config, folder)} if "wandb" in config.trackers else {}
    accelerator.init_trackers(PROJECT, config=flat_settings(config), init_kwargs=options)


def wandb_arguments(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """The arguments of `wandb.init`. A resumed training is the same run at W&B: its id is stored with the files."""
    id_file = folder / FOLDER / WANDB_ID
    if not (config.resume and id_file.exists()):
        id_file.write_text(secrets.token_hex(4))
    resumption = {"id": id_file.read_text(), "resume": "allow"}
    return {"mode": config.wandb_mode, "dir": str(id_file.parent), "name": folder.name, **resumption}


def finish_trackers(accelerator: Any) -> None:
    """Closes the trackers; accelerate's `end_training` would also end the process group, which is still needed."""
    for tracker in accelerator.trackers:
        tracker.finish()


def flat_settings(config: TrainConfig) -> dict[str, Any]:
    """The config as "section.field": number or text."""
    return dict(_flat("", config.model_dump(mode="json")))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _flat(f"{path}.{name}" if path else name, entry)
    else:
        yield path, value if isinstance(value, bool | int | float) else str(value)
