"""Loads a data set and says what is in it.

python examples/load_shards.py demo/run/shards train
"""

import sys

import vsd2m


def main(shards: str, split: str) -> None:
    dataset = vsd2m.load(shards, split=split, num_frames=8, size=128)
    print(f"{len(dataset)} stickers in {split}")
    for sample in dataset:
        clip = sample["clip"]  # uint8 [T, C, H, W]
        own = int(sample["mask"].sum())
        print(f"{sample['key'][:8]}  {clip.shape}  {own} own frames  {sample['domain']}  {sample['caption']}")
        break


if __name__ == "__main__":
    main(*sys.argv[1:])
