"""TensorBoard and Weights & Biases through accelerate: a scalar per step, the settings once."""

from pathlib import Path
from typing import Any

from vsd2m.core.registry import import_extra
from vsd2m.generation.config import TrainConfig

PROJECT = "vsd2m"
FOLDER = "tracking"


def tracker_arguments(config: TrainConfig, folder: Path) -> dict[str, Any]:
    """The `Accelerator` arguments that turn the configured trackers on.

    `MissingExtraError` where a tracker is not installed: accelerate would leave it out without a word.
    """
    for name in config.trackers:
        import_extra(name, extra=name)
    if not config.trackers:
        return {}
    return {"log_with": list(config.trackers), "project_dir": str(folder / FOLDER)}


def start_trackers(accelerator: Any, config: TrainConfig, folder: Path) -> None:
    """Opens the configured trackers; files go into `tracking` in the run's folder."""
    if not config.trackers:
        return
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    wandb = {"mode": config.wandb_mode, "dir": str(folder / FOLDER), "name": folder.name}
    options = {"wandb": wandb} if "wandb" in config.trackers else {}
    accelerator.init_trackers(PROJECT, config=flat_settings(config), init_kwargs=options)


def finish_trackers(accelerator: Any) -> None:
    """Closes the trackers; accelerate's `end_training` would end the group of processes as well, which goes on."""
    for tracker in accelerator.trackers:
        tracker.finish()


def flat_settings(config: TrainConfig) -> dict[str, Any]:
    """The config as "section.field": number or text."""
    flat: dict[str, Any] = {}
    for name, value in config.model_dump(mode="json").items():
        inner = value.items() if isinstance(value, dict) else [(None, value)]
        for part, entry in inner:
            flat[f"{name}.{part}" if part else name] = entry if isinstance(entry, bool | int | float) else str(entry)
    return flat
