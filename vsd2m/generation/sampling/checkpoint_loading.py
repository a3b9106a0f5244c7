"""How diffusers finds the class of a checkpoint: `DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)`.

diffusers loads a foreign class from a file next to the weights, which `model_index.json` names, and only if the caller
trusts it. The file that is written here imports the class from this package. `from_pretrained` of the class itself
needs neither the file nor trust, and runs no code from the folder.
"""

import json
from pathlib import Path
from typing import Any

MODULE = "pipeline"
_SOURCE = '''"""Read by `DiffusionPipeline.from_pretrained(folder, trust_remote_code=True)`: pip install vsd2m."""

from {module} import {name}

__all__ = ["{name}"]
'''


class CheckpointMixin:
    """A base of this package's pipelines; must come before `DiffusionPipeline`."""

    def save_pretrained(self, save_directory: Any, **options: Any) -> None:
        """Writes the checkpoint, with the file that diffusers needs to find the class."""
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        kind = type(self)
        source = _SOURCE.format(module=kind.__module__, name=kind.__name__)
        (Path(save_directory) / f"{MODULE}.py").write_text(source, encoding="utf-8")
        super().save_pretrained(save_directory, **options)  # type: ignore[misc]

    def to_json_string(self) -> str:
        """The content of `model_index.json`."""
        index: dict[str, Any] = json.loads(super().to_json_string())  # type: ignore[misc]
        index["_class_name"] = [MODULE, type(self).__name__]
        return json.dumps(index, indent=2, sort_keys=True) + "\n"

    @classmethod
    def load_config(cls, *args: Any, **options: Any) -> Any:
        """The same as in diffusers, but with only the class's name, so that no file of the folder is run."""
        loaded = super().load_config(*args, **options)  # type: ignore[misc]
        index = loaded[0] if isinstance(loaded, tuple) else loaded
        index["_class_name"] = class_name(index)
        return loaded


def class_name(index: dict[str, Any]) -> str:
    """The name of the class in a `model_index.json`."""
    name = index["_class_name"]
    return str(name if isinstance(name, str) else name[-1])
