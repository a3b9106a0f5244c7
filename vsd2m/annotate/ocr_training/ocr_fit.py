"""The training loop of the text recogniser: CTC (Graves et al. 2006), AdamW, a warm-up and a cosine down to 0.

B lines, S positions along the longest of them, N characters of the dictionary with the blank.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsd2m.annotate.ocr_training.ocr_config import OcrTrainingConfig
from vsd2m.annotate.ocr_training.ocr_labels import LabelledLine
from vsd2m.annotate.ocr_training.ocr_network import build_network, logits, train_mode
from vsd2m.annotate.ocr_training.ocr_pictures import prepare, read_picture, stack
from vsd2m.annotate.ocr_training.ocr_reading import BLANK
from vsd2m.annotate.ocr_training.ocr_weights import Graph, load_weights, pair_layers, store_weights
from vsd2m.core.errors import EngineError

OnStep = Callable[[int, int, float], None]


def fine_tune(
    graph: Graph,
    lines: Sequence[LabelledLine],
    table: Sequence[str],
    config: OcrTrainingConfig,
    *,
    on_step: OnStep | None = None,
) -> list[float]:
    """Trains the weights in `graph` in place; returns the loss of every step."""
    network = build_network(len(table))  # all random weights are replaced by loaded ones
    pairs = pair_layers(network, graph)
    load_weights(pairs, graph)
    train_mode(network)
    optimizer, schedule = _optimizer(network, config)
    losses: list[float] = []
    for batch in _batches(lines, config):
        loss = _loss(network, batch, table)
        if not np.isfinite(float(loss)):
            raise EngineError(
                f"the loss is {float(loss)} at step {len(losses) + 1}: give a smaller learning_rate than "
                f"{config.learning_rate}"
            )
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        schedule.step()
        losses.append(float(loss))
        if on_step is not None:
            on_step(len(losses), config.num_steps, losses[-1])
    store_weights(pairs, graph)
    return losses


def _optimizer(network: Any, config: OcrTrainingConfig) -> tuple[Any, Any]:
    import paddle

    schedule: Any = paddle.optimizer.lr.CosineAnnealingDecay(config.learning_rate, config.num_steps)
    if config.num_warmup_steps:
        schedule = paddle.optimizer.lr.LinearWarmup(
            schedule,
            config.num_warmup_steps,
            config.learning_rate / (config.num_warmup_steps + 1),
            config.learning_rate,
        )
    optimizer = paddle.optimizer.AdamW(
        schedule,
        parameters=network.parameters(),
        weight_decay=config.weight_decay,
        grad_clip=paddle.nn.ClipGradByGlobalNorm(config.max_gradient_norm),
    )
    return optimizer, schedule


def _batches(lines: Sequence[LabelledLine], config: OcrTrainingConfig) -> Iterator[list[LabelledLine]]:
    """Endless batches of lines, in a new order for every pass; batches cross the ends of passes."""
    chance = np.random.default_rng(config.seed)
    order: list[int] = []
    for _ in range(config.num_steps):
        while len(order) < config.batch_size:
            order += chance.permutation(len(lines)).tolist()
        batch, order = order[: config.batch_size], order[config.batch_size :]
        yield [lines[index] for index in batch]


def _loss(network: Any, batch: Sequence[LabelledLine], table: Sequence[str]) -> Any:
    import paddle

    places = {character: index for index, character in enumerate(table)}
    pictures = paddle.to_tensor(stack([prepare(read_picture(line.picture)) for line in batch]))
    labels, lengths = _padded([[places[character] for character in line.text] for line in batch])
    scores = logits(network, pictures).transpose([1, 0, 2])  # CTC needs the positions first
    num_places = paddle.full([len(batch)], scores.shape[0], "int64")
    return paddle.nn.functional.ctc_loss(
        scores, paddle.to_tensor(labels), num_places, paddle.to_tensor(lengths), blank=BLANK
    )


def _padded(labels: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    lengths = np.array([len(label) for label in labels], np.int64)
    padded = np.zeros((len(labels), int(lengths.max())), np.int32)
    for row, label in zip(padded, labels, strict=True):
        row[: len(label)] = label
    return padded, lengths
