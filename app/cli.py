"""The command line of the studio; `app.arguments` says what it understands."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app import settings, snapshot_commands, supervisor
from app.arguments import parser
from app.progress_line import ProgressLine
from app.services import (
    datasets,
    export,
    export_formats,
    model_exports,
    predictions,
    rounds,
    users,
)
from app.services.studio import Studio, StudioError, create_project, open_studio
from db import migrate
from db.migrate import SchemaError
from finepseudo_core.assignments import read_assignments
from finepseudo_core.datasets.formats import csv_folder
from finepseudo_core.errors import FinePseudoError

if TYPE_CHECKING:
    from finepseudo_core.prediction import Predictor

FAILED = 1
REFUSED = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 1 where the work failed, 2 where it can't be done as asked."""
    options = parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except (FinePseudoError, SchemaError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("\nStopped; what was queued or begun goes on with the next worker.", file=sys.stderr)
        return INTERRUPTED


def run_studio(options: Namespace) -> int:
    """Set the project up, run the worker and the web app, and end both with Ctrl-C."""
    environment = {**os.environ, "FINEPSEUDO_STARTED_AT": f"{time.time():.3f}"}
    place = settings.load(options.project)
    port = supervisor.free_port(options.address, options.port)
    if port != options.port:
        print(f"Port {options.port} is taken; this studio uses {port}.")
    studio = create_project(place)
    token = users.ensure_owner(studio)
    if options.demo:
        from app import demo

        line = ProgressLine()
        demo.prepare(
            studio, _owner(studio), lambda done, of: line.show("Drawing the practice clips", done, of)
        )
        line.end()
    studio.close()
    host = "localhost" if options.address in ("0.0.0.0", "::") else options.address
    address = f"http://{host}:{port}/"
    supervisor.supervise(
        supervisor.siblings(place, environment, options.address, port),
        f"{address}_stcore/health",
        lambda: print(f"FinePseudo Studio is ready: {address}?token={token}", flush=True),
    )
    return 0


def run_worker(options: Namespace) -> int:
    """Take jobs until SIGTERM or Ctrl-C; running jobs go back to the queue with their checkpoint."""
    from app.worker import loop

    with _opened(options) as studio:
        loop.run_worker(studio, options.nproc)
    return 0


def run_import(options: Namespace) -> int:
    """Show what would come in from a folder of videos, and register it unless this is a dry run."""
    request = datasets.ImportRequest(
        options.folder.expanduser().resolve(),
        options.labels.expanduser().resolve() if options.labels else None,
        labelled_share=options.labelled_share,
        test_share=options.test_share,
        seed=options.seed,
        format=options.format,
        least_frames=options.least_frames,
    )
    with _opened(options, create=not options.dry_run) as studio:
        plan = datasets.plan(studio, request)
        for problem in plan.problems:
            where = f"line {problem.line}: " if problem.line else ""
            print(f"left out: {where}{problem.path}: {problem.reason}")
        print(
            f"{plan.clips} clips of {len(plan.classes)} classes come in: {plan.labelled} labelled, "
            f"{plan.hidden} with their label held back, {plan.unlabelled} without a label, "
            f"{plan.test} for testing. {plan.already} are in the project already."
        )
        if options.dry_run:
            return 0
        number = datasets.start_import(studio, request, _owner(studio))
        if not options.wait:
            print("The import is queued; a running worker reads the clips.")
            return 0
        job = _wait(studio, lambda: next(card for card in datasets.imports(studio) if card.id == number))
    print(f"import {job.state}: {job.ready} clips ready, {job.unreadable} unreadable")
    for clip in job.reasons:
        print(f"unreadable: {clip.key}: {clip.reason}")
    return 0 if job.state == "succeeded" else FAILED


def run_round(options: Namespace) -> int:
    """Queue a round, or stay until it is done and print what it reached."""
    changes = read_assignments(options.set)
    with _opened(options) as studio:
        card = rounds.start(studio, options.preset, changes, _owner(studio))
        if not options.wait:
            print(f"Round {card.number} is queued; a running worker takes it.")
            return 0
        number = card.id
        card = _wait(studio, lambda: rounds.card(studio, number))
    for line in describe(card):
        print(line)
    return 0 if card.state == "succeeded" else FAILED


def describe(card: rounds.RoundCard) -> list[str]:
    """What a round reached, one line each."""
    if card.state != "succeeded" or card.started_at is None or card.finished_at is None:
        return [f"round {card.number} {card.state}: {card.error or 'stopped on request'}"]
    seconds = (card.finished_at - card.started_at).total_seconds()
    lines = [
        f"round {card.number} succeeded in {seconds:.0f} s on {card.device}",
        f"accepted {card.accepted} of {card.proposed} pseudo-labels",
    ]
    if known := card.known_precision:
        within = f"[{known.low:.3f}, {known.high:.3f}]"
        lines.append(f"precision {known.value:.3f} {within}: {known.right} of {known.of} with known truth")
    if "test_top1" in card.metrics:
        lines.append(f"test top-1 {card.metrics['test_top1']:.3f}")
    return lines


def run_export(options: Namespace) -> int:
    """Write the labels as CSV, JSON lines, or the zipped files of a public dataset."""
    with _opened(options) as studio:
        if options.format in export_formats.NAMES:
            files = export_formats.dataset_files(studio, options.format)
            for key, reason in files.left_out:
                print(f"left out: {key}: {reason}", file=sys.stderr)
            if not files.clips:
                raise StudioError(f"No labelled clip fits {export_formats.NAMES[options.format]}.")
            content = files.content
        else:
            content = export.as_csv(studio) if options.format == "csv" else export.as_jsonl(studio)
    if options.output:
        options.output.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
    return 0


def run_predict(options: Namespace) -> int:
    """Label the videos of a folder with a finished round or exported model; 1 where one can't be read."""
    predictor = _predictor(options)
    folder = options.folder.expanduser().resolve()
    clips = [folder] if folder.is_file() else [clip.path for clip in csv_folder.read(folder).clips]
    if not clips:
        raise ValueError(f"{folder} holds no videos; give a folder with some, or a single video.")
    root, line, found = folder.parent if folder.is_file() else folder, ProgressLine(sys.stderr), []
    for prediction in predictor.predict(clips, by=options.by, least=options.least):
        found.append(prediction)
        line.show("Looking at the clips", len(found), len(clips))
    line.end()
    content = (
        predictions.as_csv(found, root) if options.format == "csv" else predictions.as_jsonl(found, root)
    )
    if options.output:
        options.output.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
    broken = [prediction for prediction in found if prediction.problem]
    for prediction in broken:
        print(f"{prediction.path}: {prediction.problem}", file=sys.stderr)
    return FAILED if broken else 0


def _predictor(options: Namespace) -> "Predictor":
    from finepseudo_core.prediction import Predictor

    if options.model:
        return Predictor.from_bundle(options.model.expanduser())
    with _opened(options) as studio:
        model = predictions.model_file(studio, options.round)
    return Predictor(model.path, sha256=model.sha256)


def run_export_model(options: Namespace) -> int:
    """Write the model of a finished round as safetensors and ONNX, with a model card."""
    with _opened(options) as studio:
        source = model_exports.source(studio, options.round, data_licence=options.data_licence)
    from finepseudo_core.export.bundle import export_model

    check = export_model(
        source.model.path, options.folder, sha256=source.model.sha256,
        facts=source.facts, clips=source.clips, replace=options.replace,
    )  # fmt: skip
    for part in check.differences:
        print(f"{part.file}: {part.of} differ by {part.largest:.2g} at most, on {check.clips} {check.on}")
    print(f"{options.folder} holds the model of round {source.facts.round}; README.md says what it is.")
    return 0


def add_user(options: Namespace) -> int:
    """Add a person and print how they sign in."""
    with _opened(options) as studio:
        user, token = users.create(studio, options.name, options.role)
    print(f"{user.name} ({user.role}) signs in at the studio's address with /?token={token}")
    return 0


def list_users(options: Namespace) -> int:
    """Print who may use the studio."""
    with _opened(options) as studio:
        for user in users.listing(studio):
            print(f"{user.name}\t{user.role}\tsince {user.created_at:%Y-%m-%d}")
    return 0


def renew_token(options: Namespace) -> int:
    """Give a person a new token; the old one stops working."""
    with _opened(options) as studio:
        token = users.new_token(studio, _named(studio, options.name))
    print(f"{options.name} signs in at the studio's address with /?token={token}")
    return 0


def remove_user(options: Namespace) -> int:
    """Take a person's access away; what they decided stays."""
    with _opened(options) as studio:
        users.remove(studio, _named(studio, options.name))
    return 0


def run_upgrade(options: Namespace) -> int:
    """Bring the project's database to this version's schema, after a backup."""
    copy = migrate.upgrade(settings.load(options.project).database_url)
    print(f"The database is current.{f' A backup from before is {copy}.' if copy else ''}")
    return 0


def run_backup(options: Namespace) -> int:
    """Write a complete copy of the database, also while the studio runs."""
    place = settings.load(options.project)
    target = options.output or place.project / "backups" / f"studio-{datetime.now():%Y%m%d-%H%M%S}.db"
    target.parent.mkdir(parents=True, exist_ok=True)
    print(migrate.backup(place.database_url, target))
    return 0


def run_doctor(options: Namespace) -> int:
    """Check everything the studio stands on, one line each."""
    from app.doctor import examine

    sound = True
    for finding in examine(settings.load(options.project)):
        print(f"{'ok     ' if finding.sound else 'PROBLEM'} {finding.what}: {finding.detail}", flush=True)
        sound = sound and finding.sound
    return 0 if sound else FAILED


def _wait(studio: Studio, look: Callable[[], Any]) -> Any:
    """Stay until the import or round that `look` gives is over; returns it as it is then."""
    from app.worker.patience import work_until

    line = ProgressLine()

    def is_over() -> bool:
        card = look()
        if card.steps:
            line.show(
                getattr(card, "stage", None) or "reading clips", card.step, card.steps, card.eta_seconds
            )
        return card.state not in ("queued", "running")

    try:
        work_until(studio, is_over)
    finally:
        line.end()
    return look()


@contextmanager
def _opened(options: Namespace, *, create: bool = False) -> Iterator[Studio]:
    place = settings.load(options.project)
    studio = create_project(place) if create else open_studio(place)
    try:
        yield studio
    finally:
        studio.close()


def _owner(studio: Studio) -> int:
    if not any(user.role == "admin" for user in users.listing(studio)):
        users.ensure_owner(studio)
    return min(user.id for user in users.listing(studio) if user.role == "admin")


def _named(studio: Studio, name: str) -> int:
    for user in users.listing(studio):
        if user.name == name:
            return user.id
    raise StudioError(f"There is nobody called {name!r}; `users list` shows who is there.")


COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "studio": run_studio,
    "worker": run_worker,
    "import": run_import,
    "round": run_round,
    "export": run_export,
    "predict": run_predict,
    "export-model": run_export_model,
    "users add": add_user,
    "users list": list_users,
    "users token": renew_token,
    "users remove": remove_user,
    "upgrade": run_upgrade,
    "backup": run_backup,
    "snapshot": snapshot_commands.run_snapshot,
    "restore": snapshot_commands.run_restore,
    "doctor": run_doctor,
}
