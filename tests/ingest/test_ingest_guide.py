"""Every config and every command of the guide is run as it is written there."""

import re
import shlex
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from ingest_run import make_picture, write_files
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.crawl.config import CrawlConfig
from vsd2m.ingest.config import IngestConfig
from vsd2m.ingest.readers import READERS

GUIDE = (Path(__file__).parents[2] / "docs" / "ingesting.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


def _commands() -> list[str]:
    lines = [line.split("  #")[0].strip() for block in _blocks("bash") for line in block.splitlines()]
    return [line for line in lines if line.startswith("vsd2m ")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the guide's reader has: a folder, a tar, a pack, a table with pictures and one with addresses."""
    from vsd2m.core.finds.media_tar import MediaTar

    pictures = [_picture(number) for number in range(12)]
    write_files(tmp_path, {f"stickers/{number}.gif": data for number, data in enumerate(pictures)})
    with (tmp_path / "train-000.tar").open("wb") as file, MediaTar(file) as tar:
        for number, data in enumerate(pictures):
            tar.add(f"{number}.gif", data)
    with zipfile.ZipFile(tmp_path / "cats.wastickers", "w") as pack:
        pack.writestr("title.txt", "Cats")
        pack.writestr("1.webp", make_picture(1, "WEBP"))
        pack.writestr("2.webp", _picture(3, "WEBP"))
    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"image": pa.array(pictures, pa.binary())}), tmp_path / "data" / "a.parquet")
    (tmp_path / "tgif.tsv").write_text("http://127.0.0.1/a.gif\ta cat\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _picture(number: int, media_format: str = "GIF") -> bytes:
    import io

    from PIL import Image

    frames = []
    for step in range(3):
        frame = Image.new("RGB", (48, 48), (250, 250, 250))
        frame.paste((40 * number % 256, 99, 170 * number % 256), (step * 9, 5 * number % 30, 16 + step * 9, 40))
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, media_format, save_all=True, append_images=frames[1:], duration=80)
    return file.getvalue()


def test_the_commands_of_the_guide_run_one_after_the_other(place: Path) -> None:
    commands = _commands()
    assert len(commands) >= 8
    for command in commands:
        words = [word for word in shlex.split(command)[1:] if word != "--open"]
        if words[0] == "run" and not words[1].endswith(".yaml"):
            words.append("--no-models")
        if words[:2] == ["run", "tgif.yaml"]:
            continue  # it asks other people's sites
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (command, result.output, result.exception)
    assert list(place.glob("*-vsd2m/shards/*.tar"))


def test_the_configs_of_the_guide_are_configs(place: Path) -> None:
    kinds = {"ingest": IngestConfig, "crawl": CrawlConfig}
    checked = []
    for block in _blocks("yaml"):
        stages = yaml.safe_load(block)
        for name, values in stages.get("stages", stages).items():
            stage = (values or {}).get("stage", name)
            if stage in kinds:
                options = {key: value for key, value in values.items() if key != "stage"}
                checked.append(kinds[stage].model_validate(options))
    assert len(checked) >= 3


def test_the_guide_names_every_reader_and_every_option() -> None:
    assert [name for name in READERS if f"`{name}`" not in GUIDE] == []
    assert [name for name in IngestConfig.model_fields if f"`{name}`" not in GUIDE and f"{name}:" not in GUIDE] == []
