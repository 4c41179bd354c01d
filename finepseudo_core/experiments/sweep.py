"""All runs that some tables ask for, in groups that share first stages; groups run beside each other."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from finepseudo_core.config import RoundConfig, preset
from finepseudo_core.datasets.dataset import Dataset
from finepseudo_core.experiments.runs import Setting, finished, measure
from finepseudo_core.experiments.tables import Row, Table, settings_of
from finepseudo_core.selftraining.report import Report
from finepseudo_core.video.guard import end_with

Say = Callable[[str], object]


@dataclass(frozen=True)
class Plan:
    """A table on some clips: what all of its runs have in common.

    Args:
        table: the variants; `rows` are those to run, the others are shown where they were run before.
        data: the clips and what is known of them.
        scratch, results: folders of what may go and of what stays.
        hold_out, validation: as in `Setting`.
        preset: the starting point, and where that is cpu-demo the scale; `changes` are settings of all rows.
    """

    table: Table
    rows: tuple[Row, ...]
    data: Dataset
    scratch: Path
    results: Path
    hold_out: str | None
    validation: bool
    preset: str
    scale: str
    changes: Mapping[str, Any]

    def setting(self, seed: int) -> Setting:
        """Where runs of a seed work, apart from those of other seeds."""
        return Setting(
            self.data,
            self.scratch / self.data.name / f"seed{seed}",
            self.results / self.data.name / "runs",
            self.hold_out,
            self.validation,
            self.table.novel,
            self.table.phases,
        )

    def config(self, row: Row, seed: int) -> RoundConfig:
        """The round that a row is."""
        small = self.preset == "cpu-demo"
        own = settings_of(self.scale, self.data.folder.name) if small else self.table.full_size
        common = {**own, **self.table.common, **self.changes}
        return preset(self.preset).replace({**common, **row.changes, "seed": seed})

    def found(self, share: float, seeds: int) -> dict[str, list[dict[str, Any]]]:
        """Row -> its runs, for rows that were run with every seed."""
        runs = {
            row.name: [
                known
                for seed in range(seeds)
                if (known := finished(self.setting(seed), self.config(row, seed), share))
            ]
            for row in self.table.rows
        }
        return {name: known for name, known in runs.items() if len(known) == seeds}


@dataclass(frozen=True)
class Group:
    """Runs on the same clips with the same seed, one after the other: they share frames and stages.

    What is learnt without labels is the same for every share of them.
    """

    name: str
    scratch: Path
    runs: tuple[tuple[str, Setting, RoundConfig, float], ...]


def groups(plans: Sequence[Plan], shares: Sequence[float], seeds: int) -> Iterator[Group]:
    """The groups of some plans, seed by seed; in each, share by share in the order given."""
    for data in dict.fromkeys(plan.data for plan in plans):
        these = [plan for plan in plans if plan.data == data]
        for seed in range(seeds):
            runs = tuple(
                (f"{row.name}, {share:.0%}", plan.setting(seed), plan.config(row, seed), share)
                for share in shares
                for plan in these
                for row in plan.rows
            )
            yield Group(f"{data.name}, seed {seed}", these[0].setting(seed).scratch, runs)


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
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=end_with, initargs=(os.getpid(),)
    ) as pool:
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
    for name, setting, config, share in group.runs:
        say(f"-- {name}, {group.name}")
        measure(setting, config, share, Report(lambda line: say(f"   {line}")))
