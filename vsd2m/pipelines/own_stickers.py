"""A config for stickers that somebody has: which stages this machine can run, where the run goes, what came of it."""

import importlib.util
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from vsd2m.core.errors import ConfigError, StageError, install_line
from vsd2m.core.finds.statements import columns_of
from vsd2m.core.finds.tables import column_names, is_table
from vsd2m.core.run import RUN_FILE, Run
from vsd2m.core.storage import Store
from vsd2m.ingest.listing import Place
from vsd2m.pipelines.configs import config_text
from vsd2m.pipelines.engine.config import stage_of
from vsd2m.pipelines.status import status

CONFIG_FILE = "config.yaml"
CONFIG_SUFFIXES = (".yaml", ".yml")
MODELS = ("ocr", "text_filter", "domain", "describe", "caption")
"""Stages that read stickers with models: they belong together."""

PAGES = ("stats",)


def is_config(path: str) -> bool:
    """Whether a path names a config rather than stickers."""
    return path.lower().endswith(CONFIG_SUFFIXES)


def default_run(address: str) -> str:
    """The folder beside a local folder or file, or for a remote one in the present folder."""
    path = Path(urlsplit(address).path) if "://" in address else _named(Path(address))
    stem = re.sub(r"\.(tar\.gz|[A-Za-z0-9]{1,10})$", "", path.name or urlsplit(address).netloc)
    return str((Path() if "://" in address else path.parent) / f"{stem}-vsd2m")


def _named(path: Path) -> Path:
    """The path itself, or where it ends in `.` or `..`, the whole one."""
    return path.resolve() if path.name in ("", "..") else path


def has_addresses(place: Place) -> bool:
    """Whether a place is a table of addresses, which are downloaded, rather than one with pictures."""
    name = place.file_name
    if name is None or not is_table(name):
        return False
    with place.open(name) as file:
        names = column_names(file, name)
    columns = columns_of(names, {}, where=name)
    has_no_names = all(column.isdecimal() for column in names)  # then there was an address in the first line
    return has_no_names or ("url" in columns and "picture" not in columns)


def checked_place(address: str) -> Place:
    """The place at `address`; `ConfigError` where there is none, or it is a run."""
    try:
        address.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{address!r}: a config holds no name that is not UTF-8; rename the folder") from error
    place = Place(address)
    if not place.exists():
        raise ConfigError(f"there is no config, folder or file {address}; give a config (.yaml) or your stickers")
    if place.file_name is None and place.exists(RUN_FILE):
        raise ConfigError(
            f"{address} is a run, not stickers; to resume it, give its config or the stickers it was made of"
        )
    return place


def own_config(address: str, *, run: str | None, with_models: bool | None) -> "OwnConfig":
    """The config for stickers that no config names, in the run's folder; an existing one is reused.

    `ConfigError` where there is nothing at `address`, or it has to be downloaded.
    """
    place = checked_place(address)
    if has_addresses(place):
        raise ConfigError(
            f"{address} is a table of addresses; downloading needs an address under which sites can reach you: "
            f"vsd2m init {address}"
        )
    if next(place.list_files(follow_symlinks=False), None) is None:
        raise ConfigError(f"there are no files in {address}; expected stickers, archives or packs")
    store = Store(run or default_run(address))
    path = store.path(CONFIG_FILE)
    if with_models is None and store.exists(CONFIG_FILE):
        return OwnConfig(path, store.url, ())
    omitted = left_out(with_models=with_models)
    store.write_bytes(CONFIG_FILE, config_for(address, store.url, omitted).encode())
    return OwnConfig(path, store.url, tuple(omitted))


@dataclass(frozen=True)
class OwnConfig:
    """Where the config lies and the run goes, and what was left out of a new config."""

    path: str
    run: str
    omitted: "tuple[Left, ...]"


@dataclass(frozen=True)
class Left:
    """Stages that are left out, and why."""

    stages: tuple[str, ...]
    reason: str


def left_out(*, with_models: bool | None) -> list[Left]:
    """What a config leaves out. `with_models`: None takes what this machine can run, False no model."""
    lacking = {group: _lacking(group) for group in (MODELS, PAGES)}
    omitted = [
        Left(group, reason) for group, reason in lacking.items() if reason and not (with_models and group == MODELS)
    ]
    if with_models is False:
        omitted = [Left(MODELS, "no models are wanted"), *(left for left in omitted if left.stages != MODELS)]
    return omitted


def _lacking(stages: Iterable[str]) -> str:
    """What this machine lacks for some stages, in one sentence; empty if nothing."""
    sentences, extras = [], set()
    configured = yaml.safe_load(config_text("ingest"))["stages"]
    for name in stages:
        stage = stage_of(name, configured[name])
        sentences += stage.missing()
        extras |= {extra for module, extra in stage.packages().items() if importlib.util.find_spec(module) is None}
    if extras:
        return f"packages are not installed; {install_line(*extras)}"
    return sentences[0] if sentences else ""


_DOWNLOAD = """\
  # The stickers at the addresses of a table. robots.txt and reservations are obeyed; hosts are asked slowly.
  crawl:
    source: {source: addresses, table: TABLE}
    contact: CONTACT                 # sent with every request, so that sites can reach you
    words_per_partition: 1000        # addresses that are downloaded and committed together"""


def config_for(address: str, run: str, omitted: Iterable[Left], *, contact: str | None = None) -> str:
    """The text of a config that runs, with comments. With a `contact`, the addresses in a table are downloaded."""
    omitted_stages = {stage for left in omitted for stage in left.stages}
    blocks = [block for block in config_text("ingest").split("\n\n") if _stage_in(block) not in omitted_stages]
    text = "\n\n".join(blocks).rstrip().replace("run: runs/mine", f"run: {_quoted(run)}") + "\n"
    text = text.replace("path: stickers", f"path: {_quoted(address)}")
    if contact is not None:
        download = _DOWNLOAD.replace("TABLE", _quoted(address)).replace("CONTACT", _quoted(contact))
        ingest = next(block for block in text.split("\n\n") if _stage_in(block) == "ingest")
        text = text.replace(ingest, f"stages:\n{download}" if ingest.startswith("stages:") else download)
    if "domain" in omitted_stages:
        text = text.replace("use_domains: true", "use_domains: false   # without a domain stage, all are for training")
    return text


def _stage_in(block: str) -> str | None:
    """The stage that a block of the config is about."""
    match = re.search(r"^  (\w+):", block, re.MULTILINE)
    return match[1] if match else None


def _quoted(text: str) -> str:
    plain = re.fullmatch(r"[\w./-]+", text, re.ASCII) and not re.fullmatch(
        r"[\d.]+|true|false|null|yes|no|on|off", text
    )
    return text if plain else json.dumps(text, ensure_ascii=False)


def check_result(run: Run, address: str) -> Mapping[str, int]:
    """Stage -> how many it kept; `StageError` that says why, where no sticker is left."""
    rows = status(run)
    kept_counts = {row.stage: row.num_kept for row in rows}
    sticker_stages = [row for row in rows if row.stage not in ("shard", "stats")]
    empty = next((row for row in sticker_stages if row.num_read and row.num_kept == 0), None)
    if empty is not None:
        reasons = ", ".join(f"{reason} {number}" for reason, number in empty.reasons.items())
        raise StageError(
            f"{address}: no sticker is left after the stage {empty.stage} ({reasons}); see what was dropped: "
            f"vsd2m view {run.store.url} --rejects"
        )
    return kept_counts
