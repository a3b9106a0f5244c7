"""YAML in which a key that is given twice is an error, not a choice of the last."""

from typing import Any

import yaml


def load_yaml(text: str | bytes) -> Any:
    """The value of one document; `yaml.YAMLError` where it is not YAML, or repeats a key."""
    return yaml.load(text, Loader=_StrictLoader)


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that rejects repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)
