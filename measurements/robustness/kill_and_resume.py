"""Kills runs with SIGKILL at random moments, resumes them, and compares every file with an uninterrupted run's.

    python measurements/robustness/kill_and_resume.py --times 20 --num-stickers 40

Prints one line per kill and a summary; exits with 1 if any resumed run differs.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from vsd2m_samples.samples import write_samples

from vsd2m.core.run import Run
from vsd2m.gallery.site import GallerySite
from vsd2m.pipelines.demo.run_demo import gallery_config
from vsd2m.pipelines.status import damaged_files, manifest


def main() -> None:
    arguments = parse()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        write_samples(folder / "stickers", num_stickers=arguments.num_stickers, seed=arguments.seed)
        with GallerySite(folder / "stickers") as site:
            whole, seconds = reference(folder, site.url, arguments)
            print(f"uninterrupted: {len(whole)} files in {seconds:.1f} s, runner {arguments.runner}", flush=True)
            equal = sum(
                one_kill(folder, number, site.url, whole, seconds, chance, arguments)
                for number in range(arguments.times)
            )
    print(f"{equal} of {arguments.times} resumed runs have the manifest of the uninterrupted one")
    sys.exit(equal != arguments.times)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--num-stickers", type=int, default=40)
    parser.add_argument("--partition-size", type=int, default=20)
    parser.add_argument("--runner", default="local")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def reference(folder: Path, site: str, arguments: argparse.Namespace) -> tuple[dict[str, str], float]:
    started = time.monotonic()
    subprocess.run(command(folder, "whole", site, arguments), check=True, stdout=subprocess.DEVNULL)
    return manifest(Run.open(str(folder / "whole"))), time.monotonic() - started


def one_kill(folder, number, site, whole, seconds, chance, arguments) -> bool:
    """Kills a fresh run at a uniformly random moment of the uninterrupted run's time, then resumes it to the end."""
    name = f"killed-{number}"
    moment = chance.uniform(0, seconds)
    process = subprocess.Popen(
        command(folder, name, site, arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(timeout=moment)
        note = "had finished"
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        note = f"killed in {stage_at(folder / name)}"
    subprocess.run(
        command(folder, name, site, arguments), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    run = Run.open(str(folder / name))
    leftovers = list((folder / name).rglob("*.tmp-*"))
    same = manifest(run) == whole and not damaged_files(run) and not leftovers
    print(f"{number + 1:>3}: {moment:6.1f} s, {note}: {'equal' if same else 'DIFFERENT'}", flush=True)
    return same


def stage_at(folder: Path) -> str:
    """The first stage without a commit record."""
    if not (folder / "run.json").exists():
        return "start-up"
    run = Run.open(str(folder))
    return next((entry.name for entry in run.layout if not run.records(entry.name)), "the last stage")


def command(folder: Path, name: str, site: str, arguments: argparse.Namespace) -> list[str]:
    config = folder / f"{name}.yaml"
    values = gallery_config(site, folder / name).model_dump(mode="json")
    values["partition_size"] = arguments.partition_size
    values["stages"]["split"]["stickers_per_shard"] = arguments.partition_size
    config.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return [sys.executable, "-m", "vsd2m.cli.main", "run", str(config), "--runner", arguments.runner]


if __name__ == "__main__":
    main()
