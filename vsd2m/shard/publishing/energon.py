"""The `.nv-meta` folder with which Megatron-Energon reads the shards (its "Dataset Format on Disk").

`energon prepare` is only needed for random access by index (`index.sqlite`).
"""

import json
from collections.abc import Mapping

import yaml

FOLDER = ".nv-meta"


def energon_files(counts: Mapping[str, int], splits: Mapping[str, list[str]]) -> dict[str, bytes]:
    """Path -> content. `counts`: tar name -> stickers; `splits`: split -> tar names."""
    info = {"shard_counts": dict(sorted(counts.items()))}
    dataset = {
        "__module__": "megatron.energon",
        "__class__": "CrudeWebdataset",
        "subflavors": {"kind": "animated_sticker"},
    }
    return {
        f"{FOLDER}/.info.json": (json.dumps(info, indent=2) + "\n").encode(),
        f"{FOLDER}/.info.yaml": _yaml(info),
        f"{FOLDER}/split.yaml": _yaml({"split_parts": dict(splits), "exclude": []}),
        f"{FOLDER}/dataset.yaml": _yaml(dataset),
    }


def _yaml(value: object) -> bytes:
    return yaml.safe_dump(value, sort_keys=False).encode()
