"""Copies the recogniser's weights from its ONNX graph to the trainable class, and trained weights back to the graph.

Both have the same layers in the same order, so the n-th convolution, linear layer or LayerNorm of one corresponds to
the n-th of the other. Only the BatchNorms differ: the graph has all but three of them folded into
the bias after a convolution. Writing the weights back into the same graph keeps the model in the format of the
packaged text detector, with which PaddleOCR loads it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.core.errors import EngineError
from vsd2m.core.registry import import_extra

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tensors:
    """Names in the graph of one layer's tensors: a kernel and a bias, or a kernel and the four of a BatchNorm."""

    kind: str
    names: tuple[str, ...]


class Graph:
    """An ONNX graph of the recogniser's kind, its weights by name; `EngineError` for any other file."""

    def __init__(self, path: Path) -> None:
        onnx = import_extra("onnx", extra="annotate")
        self._numpy = onnx.numpy_helper
        self._model = onnx.load(str(path))
        self._initializers = {tensor.name: tensor for tensor in self._model.graph.initializer}
        self._consumers = {name: node for node in self._model.graph.node for name in node.input}
        self.layers = list(self._layers())

    def __getitem__(self, name: str) -> Floats:
        return np.asarray(self._numpy.to_array(self._initializers[name]), np.float32)

    def __setitem__(self, name: str, values: NDArray[Any]) -> None:
        tensor = self._initializers[name]
        array = np.ascontiguousarray(values, np.float32).reshape(tuple(tensor.dims))
        tensor.CopyFrom(self._numpy.from_array(array, name))

    def to_bytes(self) -> bytes:
        """The graph as a file; the same weights give the same bytes."""
        return bytes(self._model.SerializeToString(deterministic=True))

    def _layers(self) -> Iterator[Tensors]:
        for node in self._model.graph.node:
            kernel = [name for name in node.input if name in self._initializers]
            if node.op_type == "Conv":
                after = self._next(node)
                kind = "normalised" if after.op_type == "BatchNormalization" else "convolution"
                yield Tensors(kind, (*kernel, *self._weights(after)))
            elif node.op_type == "MatMul" and kernel:
                yield Tensors("linear", (*kernel, *self._weights(self._next(node))))
            elif node.op_type == "Mul" and kernel and len(self._initializers[kernel[0]].dims) == 1:
                after = self._next(node)
                if after.op_type == "Add" and self._weights(after) and self._size(kernel[0]) > 1:
                    yield Tensors("layer_norm", (*kernel, *self._weights(after)))

    def _next(self, node: Any) -> Any:
        after = self._consumers[node.output[0]]
        return self._next(after) if after.op_type == "Identity" else after

    def _weights(self, node: Any) -> tuple[str, ...]:
        return tuple(name for name in node.input if name in self._initializers)

    def _size(self, name: str) -> int:
        return int(np.prod(self._initializers[name].dims))


@dataclass(frozen=True)
class Pair:
    """A layer of the class (with the BatchNorm after it, if there is one) and its tensors in the graph."""

    layer: Any
    norm: Any | None
    tensors: Tensors


def pair_layers(network: Any, graph: Graph) -> list[Pair]:
    """Every layer with weights, paired with its tensors; `EngineError` if they do not match."""
    pairs: list[Pair] = []
    for kinds in (("convolution", "normalised"), ("linear",), ("layer_norm",)):
        network_layers = [pair for pair in _layers_of(network) if pair[0] == kinds[0]]
        graph_layers = [tensors for tensors in graph.layers if tensors.kind in kinds]
        if len(network_layers) != len(graph_layers):
            raise EngineError(
                f"{len(network_layers)} {kinds[0]} layers expected in the OCR model, {len(graph_layers)} found"
            )
        pairs += [
            Pair(layer, norm, tensors) for (_, layer, norm), tensors in zip(network_layers, graph_layers, strict=True)
        ]
    for pair in pairs:
        _check(pair, graph)
    return pairs


def load_weights(pairs: Sequence[Pair], graph: Graph) -> None:
    """Copies the graph's weights to the class.

    Where a BatchNorm was folded away, one takes its place that only adds the bias.
    """
    for pair in pairs:
        kernel, *others = (graph[name] for name in pair.tensors.names)
        pair.layer.weight.set_value(kernel)
        if pair.norm is None:
            pair.layer.bias.set_value(others[0].reshape(-1))
        elif pair.tensors.kind == "normalised":
            _set_norm(pair.norm, *others)
        else:
            bias = others[0].reshape(-1)
            ones, zeros = np.ones_like(bias), np.zeros_like(bias)
            _set_norm(pair.norm, ones * np.float32(np.sqrt(1 + _epsilon(pair.norm))), bias, zeros, ones)


def store_weights(pairs: Sequence[Pair], graph: Graph) -> None:
    """Copies the class's weights to the graph, with the BatchNorms folded as before."""
    for pair in pairs:
        kernel = pair.layer.weight.numpy()
        if pair.norm is None:
            values = [kernel, pair.layer.bias.numpy()]
        elif pair.tensors.kind == "normalised":
            values = [kernel, *_norm_values(pair.norm)]
        else:
            scale, bias, mean, variance = _norm_values(pair.norm)
            scale = scale / np.sqrt(variance + _epsilon(pair.norm))
            values = [kernel * scale[:, None, None, None], bias - mean * scale]
        for name, value in zip(pair.tensors.names, values, strict=True):
            graph[name] = value


def _layers_of(network: Any) -> list[tuple[str, Any, Any | None]]:
    """(kind, layer, BatchNorm or None) in the order of computation."""
    import paddle

    layers: list[tuple[str, Any, Any | None]] = []
    for layer in network.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            kind, before, _ = layers.pop()
            layers.append((kind, before, layer))
        elif isinstance(layer, paddle.nn.Conv2D):
            layers.append(("convolution", layer, None))
        elif isinstance(layer, paddle.nn.Linear):
            layers.append(("linear", layer, None))
        elif isinstance(layer, paddle.nn.LayerNorm):
            layers.append(("layer_norm", layer, None))
    return layers


def _check(pair: Pair, graph: Graph) -> None:
    expected, actual = tuple(pair.layer.weight.shape), graph[pair.tensors.names[0]].shape
    num_tensors = 5 if pair.tensors.kind == "normalised" else 2
    if expected != actual or len(pair.tensors.names) != num_tensors:
        raise EngineError(f"{pair.tensors.names} of the OCR model: {expected} expected, {actual} found")


def _set_norm(norm: Any, scale: Floats, bias: Floats, mean: Floats, variance: Floats) -> None:
    for tensor, values in ((norm.weight, scale), (norm.bias, bias), (norm._mean, mean), (norm._variance, variance)):
        tensor.set_value(values)


def _norm_values(norm: Any) -> list[Floats]:
    return [tensor.numpy() for tensor in (norm.weight, norm.bias, norm._mean, norm._variance)]


def _epsilon(norm: Any) -> float:
    return float(norm._epsilon)
