"""What a torch DataLoader makes of a data set: batches, epochs, workers of every kind, states."""

import itertools
import subprocess
import sys

import pytest

import vsd2m
from vsd2m.core.errors import ConfigError
from vsd2m.shard.loading.damage import DamagedStickerError

data = pytest.importorskip("torch.utils.data")

# `os.fork` in a process that had threads (pytest's, Arrow's), and more workers than cores
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]
TINY = {"num_frames": 2, "size": 2}


def load(url, **options):
    return vsd2m.load(url, split="train", **{**TINY, "shuffle": True, "seed": 3, "batch_size": 4, **options})


def batches(loader) -> list[list[str]]:
    return [batch["key"] for batch in loader]


@pytest.fixture(scope="module")
def epochs(shards_url) -> list[list[list[str]]]:
    """The batches of three epochs, without workers."""
    dataset = load(shards_url)
    return [batches(data.DataLoader(dataset, batch_size=4)) for _ in range(3)]


def test_default_collation_takes_the_samples(shards_url):
    dataset = vsd2m.load(shards_url, split="train", **TINY)
    assert isinstance(dataset, data.IterableDataset)
    samples = list(dataset)
    found = list(data.DataLoader(dataset, batch_size=4))
    assert found[0]["clip"].shape == (4, 2, 3, 2, 2)
    for name in ("text", "caption", "caption_zh", "domain", "trigger_words", "num_frames", "durations_ms"):
        together = [
            value
            for batch in found
            for value in (list(batch[name]) if name != "durations_ms" else batch[name].tolist())
        ]
        assert together == [sample[name] if name != "durations_ms" else sample[name].tolist() for sample in samples], (
            name
        )
    assert "" in [sample["domain"] for sample in samples]
    assert len({len(sample["trigger_words"]) for sample in samples}) > 1


def test_the_public_collation_takes_absent_texts_and_clips_of_unequal_length(shards_url):
    dataset = vsd2m.load(shards_url, split="train", num_frames=6, size=2, fill="none", absent_text=None)
    [batch] = data.DataLoader(dataset, batch_size=len(dataset), collate_fn=vsd2m.collate)
    samples = list(dataset)
    assert batch["domain"] == [sample["domain"] for sample in samples]
    assert None in batch["domain"]
    assert batch["clip"].shape == (len(samples), 6, 3, 2, 2)
    assert batch["mask"].sum(1).tolist() == [min(sample["num_frames"], 6) for sample in samples]
    for clip, mask, sample in zip(batch["clip"], batch["mask"], samples, strict=True):
        assert clip[mask].tolist() == sample["clip"].tolist()
        assert not clip[~mask].any()


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("num_workers", [1, 2, 3])
def test_every_epoch_has_its_own_order_with_workers_as_without(shards_url, epochs, num_workers, persistent):
    dataset = load(shards_url)
    loader = data.DataLoader(dataset, batch_size=4, num_workers=num_workers, persistent_workers=persistent)
    assert [batches(loader) for _ in range(3)] == epochs
    dataset.set_epoch(1)
    assert [batches(loader) for _ in range(2)] == epochs[1:]
    for epoch in (2, 0, 0):
        dataset.set_epoch(epoch)
        assert batches(loader) == epochs[epoch]
    assert batches(data.DataLoader(dataset, batch_size=4, num_workers=3)) == epochs[1], "another loader counts on"


def test_epochs_count_on_where_each_is_seeded_alike(shards_url, epochs):
    torch = pytest.importorskip("torch")
    loader = data.DataLoader(load(shards_url), batch_size=4, num_workers=2)
    for epoch in epochs:
        torch.manual_seed(0)
        assert batches(loader) == epoch


def test_an_epoch_that_is_left_early_is_not_begun_again(shards_url, epochs):
    loader = data.DataLoader(load(shards_url), batch_size=4, num_workers=2)
    for epoch in epochs:
        assert batches(itertools.islice(loader, 2)) == epoch[:2]


def test_spawned_workers_share_the_epoch_as_forked_ones_do(shards_url, epochs):
    dataset = load(shards_url)
    loader = data.DataLoader(
        dataset, batch_size=4, num_workers=2, persistent_workers=True, multiprocessing_context="spawn"
    )
    assert [batches(loader) for _ in range(2)] == epochs[:2]
    dataset.set_epoch(0)
    assert batches(loader) == epochs[0]


def test_without_the_batch_size_each_sticker_still_comes_once_an_epoch(shards_url, epochs):
    loader = data.DataLoader(load(shards_url, batch_size=1), batch_size=5, num_workers=3)
    seen = [sorted(itertools.chain(*batches(loader))) for _ in range(2)]
    assert seen == [sorted(itertools.chain(*epochs[0]))] * 2


def test_ranks_have_equally_many_batches_and_together_the_order(shards_url, epochs):
    order = list(itertools.chain(*epochs[0]))
    parts = [
        batches(data.DataLoader(load(shards_url, rank=rank, world_size=3, ends="drop"), batch_size=4, num_workers=2))
        for rank in range(3)
    ]
    assert {len(part) for part in parts} == {len(order) // 12}
    for step, together in enumerate(zip(*parts, strict=True)):
        in_turns = [key for turn in zip(*together, strict=True) for key in turn]
        assert in_turns == order[step * 12 : step * 12 + 12]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_counted_batches_are_a_state_for_any_other_number_of_workers(shards_url, epochs, num_workers):
    dataset = load(shards_url)
    assert batches(itertools.islice(data.DataLoader(dataset, batch_size=4, num_workers=2), 3)) == epochs[0][:3]
    resumed = load(shards_url)
    resumed.load_state_dict({"epoch": 0, "samples_seen": 3 * 4})
    loader = data.DataLoader(resumed, batch_size=4, num_workers=num_workers)
    assert [batches(loader) for _ in range(2)] == [epochs[0][3:], epochs[1]]


def test_the_parent_of_workers_says_that_they_hold_the_position(shards_url):
    dataset = load(shards_url)
    loader = data.DataLoader(dataset, batch_size=4, num_workers=2)
    next(iter(dataset))
    assert dataset.state_dict()["samples_seen"] == 1
    next(iter(loader))
    with pytest.raises(ConfigError, match=r"the DataLoader's workers know the position.*samples_seen"):
        dataset.state_dict()
    dataset.set_epoch(3)
    assert dataset.state_dict()["epoch"] == 3


def test_steps_go_on_over_the_epochs_with_repeat(shards_url):
    straight = list(itertools.islice(load(shards_url, repeat=True), 120))
    loader = data.DataLoader(load(shards_url, repeat=True), batch_size=4, num_workers=2)
    steps = batches(itertools.islice(loader, 30))
    assert list(itertools.chain(*steps)) == [sample["key"] for sample in straight]


def test_a_worker_continues_after_a_damaged_sticker(shards_url, damaged):
    folder, key = damaged(shards_url, 1)
    loader = data.DataLoader(load(folder, shuffle=False), batch_size=4, num_workers=2)
    iterator, seen, errors = iter(loader), [], []
    while True:
        try:
            seen += next(iterator)["key"]
        except DamagedStickerError as error:
            errors.append(str(error))
        except StopIteration:
            break
    [message] = errors
    assert key in message
    assert len(seen) == len(load(shards_url)) - 1 - 1  # the sticker before it was in the same batch


def test_workers_count_what_they_skip_in_one_list(shards_url, damaged):
    folder, first = damaged(shards_url, 3)
    folder, second = damaged(folder, 30)
    dataset = load(folder, shuffle=False, on_error="skip")
    loader = data.DataLoader(dataset, batch_size=4, num_workers=2)
    for _ in range(2):
        seen = set(itertools.chain(*batches(loader)))
        assert len(seen) == len(dataset) - 2
        assert {sticker.key for sticker in dataset.skipped} == {first, second}
    assert len(dataset.skipped) == 2


@pytest.mark.filterwarnings("ignore:.set_vital. is deprecated:UserWarning")  # torchdata 0.11 calls it
@pytest.mark.parametrize("stop", [0, 3, 11, 13, 99])
@pytest.mark.parametrize(("num_workers", "persistent"), [(0, False), (1, False), (2, False), (2, True)])
def test_torchdatas_loader_resumes(shards_url, epochs, num_workers, persistent, stop):
    stateful = pytest.importorskip("torchdata.stateful_dataloader")

    def loader():
        return stateful.StatefulDataLoader(
            load(shards_url), batch_size=4, num_workers=num_workers, persistent_workers=persistent
        )

    first = loader()
    seen = batches(itertools.islice(first, stop))
    second = loader()
    second.load_state_dict(first.state_dict())
    if stop > len(epochs[0]):
        assert [batches(second) for _ in range(2)] == epochs[1:]
    else:
        assert [seen + batches(second), batches(second), batches(second)] == epochs


LATE_IMPORT = """
import sys
import vsd2m
dataset = vsd2m.load(sys.argv[1], split="vsd_c", num_frames=2, size=4)
from torch.utils.data import DataLoader
try:
    next(iter(DataLoader(dataset, batch_size=2)))
except vsd2m.ConfigError as error:
    print(error)
"""


def test_torch_imported_too_late_is_said_so(shards_url):
    done = subprocess.run([sys.executable, "-c", LATE_IMPORT, shards_url], check=True, capture_output=True, text=True)
    assert "import torch before vsd2m.load" in done.stdout


def test_own_numbers_are_tensors_unless_one_is_not_known():
    torch = pytest.importorskip("torch")
    known = vsd2m.collate([{"luck": 1, "is_round": True}, {"luck": 2, "is_round": False}])
    assert torch.equal(known["luck"], torch.tensor([1, 2])) and known["is_round"].dtype == torch.bool
    assert vsd2m.collate([{"luck": 1}, {"luck": None}]) == {"luck": [1, None]}
