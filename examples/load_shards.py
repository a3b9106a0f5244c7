"""Loads a data set, says what is in it, and reads it as a training does: shuffled, in batches, stopped and resumed.

python examples/load_shards.py demo/run/shards train
"""

import itertools
import os
import sys

from torch.utils.data import DataLoader

import vsd2m

BATCH_SIZE = 4
RANK, WORLD_SIZE = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))  # as torchrun sets them


def training_set(shards: str, split: str):
    return vsd2m.load(
        shards,
        split=split,
        num_frames=8,
        size=128,
        shuffle=True,
        batch_size=BATCH_SIZE,
        rank=RANK,
        world_size=WORLD_SIZE,
        ends="pad",  # every rank has equally many whole batches
        on_error="skip",
    )


def main(shards: str, split: str) -> None:
    dataset = vsd2m.load(shards, split=split, num_frames=8, size=128)
    print(f"{len(dataset)} stickers in {split}")
    sample = next(iter(dataset))
    own = int(sample["mask"].sum())
    print(f"{sample['key'][:8]}  {sample['clip'].shape}  {own} own frames  {sample['domain']}  {sample['text']}")

    # Each iteration is the next epoch, in an order of its own.
    dataset = training_set(shards, split)
    loader = DataLoader(dataset, batch_size=BATCH_SIZE, num_workers=2, persistent_workers=True)
    for epoch in range(2):
        batches = list(itertools.islice(loader, 3))
        clips = batches[0]["clip"]  # uint8 [B, T, C, H, W]
        print(f"epoch {epoch}  {tuple(clips.shape)}  {[key[:4] for batch in batches for key in batch['key']]}")

    # After two batches of every rank: on any number of ranks and workers.
    dataset.load_state_dict({"epoch": 1, "samples_seen": 2 * BATCH_SIZE * WORLD_SIZE})
    batch = next(iter(DataLoader(dataset, batch_size=BATCH_SIZE)))
    print(f"resumed  {batch['key'] == batches[2]['key']}")
    print(f"skipped  {len(dataset.skipped)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
