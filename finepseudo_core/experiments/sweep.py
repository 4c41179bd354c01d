"""All runs that some tables ask for, in groups that share first stages; groups run beside each other."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from finepseudo_core.config import RoundConfig, preset
from finepseudo_core.events import Event, PseudoLabelsProposed, StageStarted
from finepseudo_core.experiments.runs import Setting, finished, measure
from finepseudo_core.experiments.tables import SETTINGS, Row, Table

Say = Callable[[str], object]


@dataclass(frozen=True)
class Plan:
    """A table on some clips: what all of its runs have in common.

    Args:
        table: the variants; `rows` are those to run, the others are shown where they were run before.
        data: folder with clips and labels.csv.
        scratch, results: folders of what may go and of what stays.
        hold_out, validation: as in `Setting`.
        preset: the starting point; `changes` are settings of all rows.
    """

    table: Table
    rows: tuple[Row, ...]
    data: Path
    scratch: Path
    results: Path
    hold_out: str | None
    validation: bool
    preset: str
    changes: Mapping[str, Any]

    def setting(self, share: float, seed: int) -> Setting:
        """Where runs of a share and a seed work, apart from those of other seeds."""
        return Setting(
            self.data,
            self.scratch / self.data.name / f"{share:g}-seed{seed}",
            self.results / self.data.name / "runs",
            self.hold_out,
            self.validation,
            self.table.novel,
            self.table.phases,
        )

    def config(self, row: Row, seed: int) -> RoundConfig:
        """The round that a row is."""
        own = SETTINGS.get(self.data.name, SETTINGS[""]) if self.preset == "cpu-demo" else {}
        common = {**own, **self.table.common, **self.changes}
        return preset(self.preset).replace({**common, **row.changes, "seed": seed})

    def found(self, share: float, seeds: int) -> dict[str, list[dict[str, Any]]]:
        """Row -> its runs, for rows that were run with every seed."""
        runs = {
            row.name: [
                known
                for seed in range(seeds)
                if (known := finished(self.setting(share, seed), self.config(row, seed), share))
            ]
            for row in self.table.rows
        }
        return {name: known for name, known in runs.items() if len(known) == seeds}


@dataclass(frozen=True)
class Group:
    """Runs on the same labels with the same seed, one after the other: they share frames and stages."""

    name: str
    share: float
    scratch: Path
    runs: tuple[tuple[str, Setting, RoundConfig], ...]


def groups(plans: Sequence[Plan], shares: Sequence[float], seeds: int) -> Iterator[Group]:
    """The groups of some plans, share by share and seed by seed."""
    for data in dict.fromkeys(plan.data for plan in plans):
        for share in shares:
            for seed in range(seeds):
                these = [plan for plan in plans if plan.data == data]
                runs = tuple(
                    (row.name, plan.setting(share, seed), plan.config(row, seed))
                    for plan in these
                    for row in plan.rows
                )
                scratch = these[0].setting(share, seed).scratch
                yield Group(f"{data.name}, {share:.0%}, seed {seed}", share, scratch, runs)


def run_all(todo: Sequence[Group], processes: int, say: Say) -> None:
    """Run groups, `processes` of them at a time, and `say` how it goes.

    Several at a time leave what they say in log.txt in their scratch folders. A group that fails keeps no
    other from running; its error is raised at the end.
    """
    if processes == 1:
        for group in todo:
            _run(group, say)
        return
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    os.environ.setdefault("OMP_NUM_THREADS", threads)  # for the processes that start now
    errors: list[BaseException] = []
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_run_aside, group): group for group in todo}
        for ended in as_completed(running):
            error = ended.exception()
            errors += [error] if error else []
            say(f"-- {running[ended].name}: {error or 'done'}")
    if errors:
        raise errors[0]


def _run_aside(group: Group) -> None:
    group.scratch.mkdir(parents=True, exist_ok=True)
    with (group.scratch / "log.txt").open("a", encoding="utf-8", buffering=1) as log:
        _run(group, lambda text: log.write(f"{text}\n"))


def _run(group: Group, say: Say) -> None:
    for name, setting, config in group.runs:
        say(f"-- {name}, {group.name}")
        measure(setting, config, group.share, _Clock(say))


class _Clock:
    """Says each stage with the time since the round began."""

    def __init__(self, say: Say) -> None:
        self.say, self.started = say, time.monotonic()

    def __call__(self, event: Event) -> None:
        if isinstance(event, StageStarted):
            known = ", known already" if event.done == event.steps else ""
            self._tell(f"{event.stage}: {event.steps} steps{known}")
        elif isinstance(event, PseudoLabelsProposed):
            self._tell(", ".join(f"{name} {value:.3g}" for name, value in event.metrics.items()))

    def _tell(self, text: str) -> None:
        self.say(f"   {time.monotonic() - self.started:6.0f} s  {text}")
