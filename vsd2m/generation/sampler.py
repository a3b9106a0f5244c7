"""Draws stickers from a trained checkpoint into a folder: `generate(checkpoint, prompts, out_folder)`."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsd2m.core.commit import digest
from vsd2m.core.errors import ConfigError, EngineError
from vsd2m.core.generated_files import COST, MANIFEST, manifest_bytes
from vsd2m.core.keys import sticker_key
from vsd2m.core.registry import component, import_extra
from vsd2m.core.storage import Store
from vsd2m.generation.captions import conditioning_text
from vsd2m.generation.config import GenerationConfig
from vsd2m.generation.contact_sheet import contact_sheet, grid
from vsd2m.generation.cost import CostMeter
from vsd2m.generation.finish import finish
from vsd2m.media.media_types import MEDIA_TYPES

CONTACT_SHEET = "contact_sheet.png"
GRID = "grid.gif"
PIPELINES = {
    "StickerPipeline": "vsd2m.generation.diffusion.pipeline:StickerPipeline",
    "CompactCheckpoint": "vsd2m.generation.diffusion.compact:CompactCheckpoint",
    "VideoGPTPipeline": "vsd2m.generation.videogpt.pipeline:VideoGPTPipeline",
}
MAX_SHEET_ROWS = 32
SHEET_FRAME_SIZE = 96


@dataclass(frozen=True)
class GenerateResult:
    """`files` in the order of the prompts; `num_drawn` of them in this call, the others were there already."""

    files: list[Path]
    manifest: Path
    contact_sheet: Path
    grid: Path
    num_drawn: int


def generate(
    checkpoint: str | Path,
    prompts: Sequence[str],
    out_folder: str | Path,
    *,
    config: GenerationConfig | None = None,
    on_sticker: Callable[[int, int], None] | None = None,
) -> GenerateResult:
    """Draws one sticker per prompt, with a manifest, a contact sheet, a moving grid and what it cost.

    `on_sticker(done, total)` is called as it goes. Files whose prompt, seed, settings and checkpoint are unchanged are
    kept, so an interrupted call goes on where it stopped. Raises `ConfigError` without prompts and `EngineError` if
    there is no checkpoint.
    """
    config = config or GenerationConfig()
    if not prompts:
        raise ConfigError("there are no prompts; expected at least one, such as 'a red circle bouncing'")
    checkpoint = newest_checkpoint(Path(checkpoint))
    rows = plan(checkpoint, prompts, config)
    store = Store(str(out_folder))
    missing = [row for row in rows if not _is_done(store, row)]
    for num_done, row in enumerate(_draw(checkpoint, missing, store, config), start=len(rows) - len(missing) + 1):
        store.write_bytes(_record_path(row), json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
        if on_sticker is not None:
            on_sticker(num_done, len(rows))
    return _finish(store, rows, num_drawn=len(missing), duration_ms=config.duration_ms)


def plan(checkpoint: str | Path, prompts: Sequence[str], config: GenerationConfig) -> list[dict[str, Any]]:
    """The manifest's row of every sticker to draw; `identity` changes with anything that changes the picture."""
    model = _checkpoint_identity(Path(checkpoint))
    settings = config.model_dump(mode="json", exclude={"batch_size", "seed"})
    rows = []
    for index, prompt in enumerate(prompts):
        seed = config.seed + index
        rows.append(
            {
                "file": f"{index:06d}{MEDIA_TYPES[config.media_format].suffixes[0]}",
                "index": index,
                "prompt": prompt,
                "text": conditioning_text(config.domain, prompt),
                "seed": seed,
                "identity": digest([model, settings, prompt, seed])[:16],
            }
        )
    return rows


def _draw(
    checkpoint: str | Path, rows: Sequence[Mapping[str, Any]], store: Store, config: GenerationConfig
) -> Iterator[dict[str, Any]]:
    """Draws and writes the stickers of `rows`, and yields each row with the key of the file's bytes."""
    from vsd2m.media.encode import encode

    if not rows:
        return
    pipeline = load_pipeline(checkpoint)
    meter = CostMeter(pipeline)
    for first in range(0, len(rows), config.batch_size):
        batch = rows[first : first + config.batch_size]
        with meter.timed(len(batch)):
            clips = pipeline.draw([row["text"] for row in batch], [row["seed"] for row in batch], config)
        for row, frames in zip(batch, clips, strict=True):
            data = encode(finish(frames, config), config.media_format)
            store.write_bytes(row["file"], data)
            yield {**row, "key": sticker_key(data)}
    store.write_bytes(COST, meter.cost().to_bytes())


def load_pipeline(checkpoint: str | Path) -> Any:
    """The `StickerPipeline` or `VideoGPTPipeline` of a checkpoint, on the GPU if there is one; `EngineError` if it
    cannot be loaded."""
    torch = import_extra("torch", extra="train")
    import_extra("diffusers", extra="train")
    from vsd2m.generation.sampling.checkpoint_loading import class_name
    from vsd2m.generation.training.progress_bars import no_progress_bars

    try:
        name = class_name(json.loads((Path(checkpoint) / "model_index.json").read_text()))
        with no_progress_bars():
            pipeline = component(PIPELINES, name, kind="pipeline").from_pretrained(str(checkpoint))
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(f"cannot load {checkpoint}: {reason}; expected a folder written by `vsd2m train`") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to("cuda" if torch.cuda.is_available() else "cpu")


def newest_checkpoint(folder: Path) -> Path:
    """`folder` itself if it is a checkpoint, else the newest one in this folder of a training run."""
    if (folder / "model_index.json").exists():
        return folder
    inside = sorted(path for path in folder.glob("checkpoint-*") if (path / "model_index.json").exists())
    if not inside:
        raise EngineError(f"{folder} holds no checkpoint; expected a folder written by `vsd2m train`")
    return inside[-1]


def _checkpoint_identity(checkpoint: Path) -> str:
    """Digest of the checkpoint's config and weights."""
    store = Store(str(checkpoint))
    files = sorted(path.relative_to(checkpoint) for path in checkpoint.glob("*/*") if path.is_file())
    return digest({str(path): store.sha256(path.as_posix()) for path in files})


def _record_path(row: Mapping[str, Any]) -> str:
    return f"records/{row['index']:06d}.json"


def _read_record(store: Store, row: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(store.read_bytes(_record_path(row)))
    return record


def _is_done(store: Store, row: Mapping[str, Any]) -> bool:
    if not (store.exists(_record_path(row)) and store.exists(row["file"])):
        return False
    return bool(_read_record(store, row)["identity"] == row["identity"])


def _finish(store: Store, rows: Sequence[Mapping[str, Any]], *, num_drawn: int, duration_ms: int) -> GenerateResult:
    """Writes the manifest of all stickers, and the contact sheet and the animated grid of the first ones."""
    from vsd2m.media.decode import decode
    from vsd2m.media.encode import encode
    from vsd2m.media.frame_indices import flatten

    records = [_read_record(store, row) for row in rows]
    store.write_bytes(MANIFEST, manifest_bytes(records))
    sheet_records = records[:MAX_SHEET_ROWS]
    clips = [flatten(decode(store.read_bytes(record["file"])).frames) for record in sheet_records]
    sheet = contact_sheet(clips, [record["prompt"] for record in sheet_records], frame_size=SHEET_FRAME_SIZE)
    store.write_bytes(CONTACT_SHEET, sheet)
    store.write_bytes(GRID, encode(grid(clips, frame_size=SHEET_FRAME_SIZE, duration_ms=duration_ms), "gif"))
    return GenerateResult(
        files=[Path(store.path(record["file"])) for record in records],
        manifest=Path(store.path(MANIFEST)),
        contact_sheet=Path(store.path(CONTACT_SHEET)),
        grid=Path(store.path(GRID)),
        num_drawn=num_drawn,
    )
