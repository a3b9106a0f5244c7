"""How the probe stage scales from one process to two, compared with the limits of the machine itself.

    python measurements/speed/probe_scaling.py --stickers FOLDER

Two processes stay for the whole run and read the same files from memory. For each load in turn, round after round, the
first works alone, then the second, then both at once. The loads: `spin` touches no memory, `copy` nothing else (64 MiB
at a time), `small` is the probe of the twenty smallest files, which fit into a core's own cache, `probe` that of all.

A process' speed is its work per second of wall-clock time; the scaling is the sum of both processes' speeds together,
each as a share of its speed alone: 2 is perfect. An interval in which other processes used more than 3 % of the
processors is measured again while `--patience` lasts; the number of disturbed intervals that counted is printed.
"""

import argparse
import itertools
import multiprocessing
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

SUFFIXES = {".gif", ".png", ".jpg", ".webp"}
NUM_SMALL = 20
OTHERS_SHARE = 0.03
NUM_PROCESSORS = 2

Job = tuple[Callable[[], object], float]
"""What to call, and how much work that is: the seconds it took at best."""


@dataclass(frozen=True)
class Stretch:
    """What one process did in a stretch of time."""

    speed: float  # work done in a second of the clock
    busy_seconds: float  # of processor time
    system_share: float  # of it, spent by the kernel
    faults: float  # pages touched for the first time, for each second's work


@dataclass(frozen=True)
class Round:
    """The first process alone, the second alone, and both at once."""

    alone: tuple[Stretch, Stretch]
    together: tuple[Stretch, Stretch]

    @property
    def scaling(self) -> float:
        return sum(both.speed / single.speed for both, single in zip(self.together, self.alone, strict=True))


def spin() -> int:
    total = 0
    for number in range(200_000):
        total += number & 3
    return total


def loads(files: list[bytes]) -> dict[str, list[Job]]:
    import numpy as np

    from vsd2m.media.probe import probe

    source, target = np.ones(1 << 23), np.zeros(1 << 23)
    calls: dict[str, list[Callable[[], object]]] = {
        "spin": [spin],
        "copy": [partial(np.copyto, target, source)],
        "small": [partial(probe, data) for data in sorted(files, key=len)[:NUM_SMALL]],
        "probe": [partial(probe, data) for data in files],
    }
    return {name: [(call, _fastest(call)) for call in load_calls] for name, load_calls in calls.items()}


def _fastest(call: Callable[[], object]) -> float:
    fastest_seconds = []
    for _ in range(3):
        started = time.process_time()
        call()
        fastest_seconds.append(time.process_time() - started)
    return max(min(fastest_seconds), 1e-6)


def serve(files: list[bytes], connection: Connection) -> None:
    """Runs the loads it receives (name and duration) until it receives None."""
    endless = {name: itertools.cycle(jobs) for name, jobs in loads(files).items()}
    connection.send("ready")
    while (command := connection.recv()) is not None:
        name, seconds = command
        connection.send(_work(endless[name], seconds))


def _work(jobs: "itertools.cycle[Job]", seconds: float) -> Stretch:
    before, started, work = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), 0.0
    while (elapsed := time.perf_counter() - started) < seconds:
        call, amount = next(jobs)
        call()
        work += amount
    after = resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    busy = after.ru_utime - before.ru_utime + system
    return Stretch(work / elapsed, busy, system / busy, (after.ru_minflt - before.ru_minflt) / work)


class Pair:
    """The two processes; counts the stretches of time that others disturbed."""

    def __init__(self, files: list[bytes], seconds: float, patience: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._seconds = seconds
        self._deadline = time.monotonic() + patience
        self.num_repeated = self.num_disturbed = 0
        self._connections: list[Connection] = []
        for _ in range(NUM_PROCESSORS):
            ours, theirs = context.Pipe()
            context.Process(target=serve, args=(files, theirs), daemon=True).start()
            self._connections.append(ours)
        for connection in self._connections:
            connection.recv()

    def round(self, name: str) -> Round:
        (first,), (second,) = self._measure(name, 0), self._measure(name, 1)
        first_alone, second_alone = self._measure(name, 0, 1)
        return Round((first, second), (first_alone, second_alone))

    def close(self) -> None:
        for connection in self._connections:
            connection.send(None)

    def _measure(self, name: str, *members: int) -> list[Stretch]:
        while True:
            started, used_before = time.monotonic(), _used_seconds()
            for member in members:
                self._connections[member].send((name, self._seconds))
            stretches: list[Stretch] = [self._connections[member].recv() for member in members]
            other_seconds = _used_seconds() - used_before - sum(stretch.busy_seconds for stretch in stretches)
            if other_seconds <= OTHERS_SHARE * NUM_PROCESSORS * (time.monotonic() - started):
                return stretches
            if time.monotonic() > self._deadline:
                self.num_disturbed += 1
                return stretches
            self.num_repeated += 1


def _used_seconds() -> float:
    """Processor time that anything on the machine used, or the host took away."""
    user, nice, system, _, _, irq, soft_irq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + soft_irq + steal) / os.sysconf("SC_CLK_TCK")


def report(rounds: dict[str, list[Round]]) -> None:
    print(
        "| load | rounds | scaling, median | least | most | fastest together / fastest alone | faults | in the kernel |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, load_rounds in rounds.items():
        scalings = [measured_round.scaling for measured_round in load_rounds]
        best_alone = [
            max(measured_round.alone[member].speed for measured_round in load_rounds)
            for member in range(NUM_PROCESSORS)
        ]
        best_together = max(sum(stretch.speed for stretch in measured_round.together) for measured_round in load_rounds)
        together = [stretch for measured_round in load_rounds for stretch in measured_round.together]
        faults = statistics.median(stretch.faults for stretch in together)
        system = statistics.median(stretch.system_share for stretch in together)
        print(
            f"| {name} | {len(load_rounds)} | {statistics.median(scalings):.2f} | {min(scalings):.2f} | {max(scalings):.2f} | "
            f"{best_together / statistics.mean(best_alone):.2f} | {faults:.0f} | {system:.1%} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stickers", type=Path, default=Path(__file__).parents[3] / "shared" / "stickers")
    parser.add_argument("--num-files", type=int, default=150, help="drawn from the folder by chance, always the same")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a stretch; three to a load and round")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds until disturbed stretches count too")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    paths = sorted(path for path in options.stickers.rglob("*") if path.suffix in SUFFIXES)
    if not paths:
        sys.exit(f"no stickers in {options.stickers}; name a folder with --stickers")
    paths = sorted(random.Random(0).sample(paths, min(options.num_files, len(paths))))
    pair = Pair([path.read_bytes() for path in paths], options.seconds, options.patience)
    rounds: dict[str, list[Round]] = {"spin": [], "copy": [], "small": [], "probe": []}
    for _ in range(options.rounds):
        for name, load_rounds in rounds.items():
            load_rounds.append(pair.round(name))
    pair.close()
    report(rounds)
    print(f"\n{pair.num_repeated} stretches repeated because of others, {pair.num_disturbed} counted though disturbed")


if __name__ == "__main__":
    main()
