"""`import vsd2m` is the public face: every name resolves, is declared for type checkers, and is documented."""

import ast
import importlib.metadata
import inspect
from pathlib import Path

import pytest

import vsd2m

NAMES = [name for name in vsd2m.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_leads_to_a_documented_object_of_that_name(name):
    value = getattr(vsd2m, name)
    assert value.__name__ == name
    assert inspect.getdoc(value)


def test_the_public_names_are_sorted_and_the_same_for_type_checkers():
    tree = ast.parse(Path(vsd2m.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        (alias.asname, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert declared == {(name, getattr(vsd2m, name).__module__) for name in NAMES}
    assert sorted(NAMES) == NAMES
    assert set(dir(vsd2m)) >= set(NAMES)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        vsd2m.lode  # noqa: B018


def test_there_is_one_version_number():
    assert importlib.metadata.version("vsd2m") == vsd2m.__version__
