"""One command without a config, and a config from three questions."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from vsd2m.cli.main import app
from vsd2m.core.errors import ConfigError, StageError, StorageError
from vsd2m.core.run import Run
from vsd2m.pipelines.engine.config import read_config
from vsd2m.pipelines.engine.plan import make_plan
from vsd2m.pipelines.own_stickers import Left, config_for, default_run, left_out, own_config


def _sticker(number: int) -> bytes:
    """A square that moves; another colour and place for every number."""
    frames = []
    for step in range(4):
        frame = Image.new("RGB", (64, 64), (250, 250, 250))
        frame.paste((40 * number % 256, 200, 90 * number % 256), (4 + step * 12, 7 * number % 40, 20 + step * 12, 60))
        frames.append(frame)
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=80)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        (tmp_path / "cats" / "wave").mkdir(parents=True, exist_ok=True)
        (tmp_path / "cats" / "wave" / f"{number}.gif").write_bytes(_sticker(number))
    (tmp_path / "cats" / "README.md").write_text("about")
    return tmp_path / "cats"


def _run(*arguments: str, answers: str | None = None):
    return CliRunner().invoke(app, list(arguments), input=answers)


def test_run_on_a_folder_makes_a_data_set_beside_it_and_says_where_to_look(folder: Path) -> None:
    result = _run("run", str(folder), "--no-models")
    assert result.exit_code == 0, result.output
    run = folder.parent / "cats-vsd2m"
    assert result.stdout.strip().splitlines()[-1] == str(run)
    assert f"everything is written to {run}; the config is {run}/config.yaml" in result.stderr
    for text in ("stickers in shards", f"vsd2m status {run}", f"vsd2m view {run} --rejects --open", "left out: ocr"):
        assert text in result.stderr
    assert list((run / "shards").glob("vsd2m-train-*.tar"))
    kept = Run.open(str(run)).record("catalog", None)
    assert kept is not None and kept.num_kept == 6
    (folder / "wave" / "new.gif").write_bytes(_sticker(9))
    assert _run("run", str(folder)).exit_code == 0  # with the config that lies there
    again = Run.open(str(run)).record("catalog", None)
    assert again is not None and again.num_kept == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "there is no config, folder or file"),
        ("empty", "there are no files in .*empty; expected stickers, archives or packs"),
        ("table.tsv", "table.tsv is a table of addresses; .*: vsd2m init .*table.tsv"),
        ("run", "run is a run, not stickers"),
    ],
)
def test_what_cannot_be_run_gets_a_sentence(tmp_path: Path, name, message) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.tsv").write_text("http://127.0.0.1/a.gif\ta cat\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    result = _run("run", str(tmp_path / name))
    assert isinstance(result.exception, ConfigError)
    with pytest.raises(ConfigError, match=message):
        raise result.exception
    assert not list(tmp_path.glob("*-vsd2m"))


def test_files_without_a_sticker_end_in_a_sentence_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no sticker")
    result = _run("run", str(tmp_path / "notes.txt"), "--no-models")
    with pytest.raises(StageError, match=r"no sticker is left after the stage ingest \(not_an_image 1\)"):
        raise result.exception  # type: ignore[misc]


def test_the_models_option_is_for_stickers(tmp_path: Path) -> None:
    result = _run("run", str(tmp_path / "config.yaml"), "--no-models")
    with pytest.raises(ConfigError, match="a config decides that itself"):
        raise result.exception  # type: ignore[misc]


def test_init_asks_three_questions_and_writes_a_config_that_runs(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = _run("init", answers=f"{folder}\n\nn\n")
    assert result.exit_code == 0, result.output
    assert result.output.count("?") == 3
    text = (tmp_path / "vsd2m.yaml").read_text()
    assert text.count("  # ") > 8
    assert yaml.safe_load(text)["run"] == str(tmp_path / "cats-vsd2m")
    assert _run("run", "vsd2m.yaml").exit_code == 0
    assert _run("init", str(folder), "--run", "x", "--no-models").exception is not None  # the config exists
    assert _run("init", str(folder), "--run", "x", "--no-models", "--force").exit_code == 0
    assert yaml.safe_load((tmp_path / "vsd2m.yaml").read_text())["run"] == "x"


def test_init_for_a_table_of_addresses_asks_for_a_contact_and_downloads(tmp_path: Path) -> None:
    (tmp_path / "tgif.tsv").write_text("http://127.0.0.1/a.gif\ta cat\n")
    out = tmp_path / "c.yaml"
    result = _run(
        "init", str(tmp_path / "tgif.tsv"), "--run", "x/y", "--no-models", "--out", str(out), answers="a@b.example\n"
    )
    assert result.exit_code == 0, result.output
    stages = yaml.safe_load(out.read_text())["stages"]
    assert "ingest" not in stages
    assert stages["crawl"]["source"] == {"source": "addresses", "table": str(tmp_path / "tgif.tsv")}
    assert stages["crawl"]["contact"] == "a@b.example"


@pytest.mark.parametrize(
    "omitted", [[], [Left(("ocr", "text_filter", "domain", "describe", "caption"), "")], [Left(("stats",), "")]]
)
@pytest.mark.parametrize("path", ["stickers", "s3://bucket/a b: c", "2024", 'quo"ted', "yes"])
def test_every_config_that_is_written_is_a_plan(tmp_path: Path, omitted, path) -> None:
    (tmp_path / "c.yaml").write_text(config_for(path, f"runs/{path}", omitted), encoding="utf-8")
    plan = make_plan(read_config(str(tmp_path / "c.yaml")))
    assert plan.stage("ingest").stage.config.path == path
    assert plan.config.run == f"runs/{path}"
    gone = {stage for left in omitted for stage in left.stages}
    assert not gone & {planned.name for planned in plan.stages}


def test_the_run_lies_beside_the_stickers() -> None:
    names = {
        "a/cats": "a/cats-vsd2m",
        "cats.tar.gz": "cats-vsd2m",
        "/x/p.wastickers": "/x/p-vsd2m",
        "s3://b/p/v1/": "v1-vsd2m",
    }
    assert {path: default_run(path) for path in names} == names


def test_what_is_left_out_has_a_reason() -> None:
    assert [left.reason for left in left_out(with_models=False) if "ocr" in left.stages] == ["no models are wanted"]
    assert not [left for left in left_out(with_models=True) if "ocr" in left.stages]


def test_the_command_prints_an_error_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vsd2m", "run", str(tmp_path / "x")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0 and done.stderr.startswith("error: there is no config, folder or file")


def test_the_present_folder_has_its_run_beside_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "wave")
    assert default_run(".") == str(folder / "wave-vsd2m")
    assert default_run("..") == str(folder.parent / "cats-vsd2m")


def test_what_no_config_can_hold_is_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="rename the folder"):
        own_config(str(tmp_path / "\udcff"), run=None, with_models=False)
    result = CliRunner().invoke(
        app, ["init", str(folder), "--run", "r", "--no-models", "--out", str(tmp_path / "gone" / "v.yaml")]
    )
    assert isinstance(result.exception, StorageError) and "there is no folder" in str(result.exception)
