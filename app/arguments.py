"""What the command line understands; `app.cli` says what each command does."""

from argparse import ArgumentParser
from pathlib import Path

from app.services.export_formats import NAMES
from app.services.import_formats import CSV, FORMATS, check_name
from finepseudo_core.config import PRESETS
from finepseudo_core.datasets.formats.arguments import checked, whole_number


def parser() -> ArgumentParser:
    """The parser of `python -m app`; the parsed `command` names a function of `app.cli.COMMANDS`."""
    whole = ArgumentParser("python -m app", description="FinePseudo Studio")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, help: str, within: str = "") -> ArgumentParser:
        entry = (people if within else commands).add_parser(name, help=help, description=help)
        entry.set_defaults(command=f"{within} {name}".strip())
        entry.add_argument(
            "--project", type=Path, metavar="DIR", help="project folder; else FINEPSEUDO_PROJECT"
        )
        return entry

    studio = command("studio", "Set the project up and run worker and web app until Ctrl-C.")
    studio.add_argument("--demo", action="store_true", help="draw dives, import them, and start a round")
    studio.add_argument("--address", default="127.0.0.1", help="address to listen on")
    studio.add_argument("--port", type=int, default=8501, help="port, or the next free one")

    worker = command("worker", "Take jobs until SIGTERM or Ctrl-C; running jobs then go back to the queue.")
    worker.add_argument(
        "--nproc", type=_positive, default=1, metavar="N", help="processes that train a round, one per GPU"
    )

    bring = command("import", "Bring the videos of a folder in.")
    bring.add_argument("folder", type=Path, help="folder of videos")
    bring.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="path,label[,split,start,end]; else labels.csv of the folder; or the files of another --format",
    )
    bring.add_argument(
        "--format",
        type=checked(check_name),
        default=CSV,
        metavar="NAME[:PART]",
        help=f"how the labels are written: {', '.join(FORMATS)}; with :PART some of the classes, as "
        "finegym288:VT, or ssv2:FILE with a class name on each line",
    )
    bring.add_argument(
        "--least-frames", type=whole_number, default=0, metavar="N", help="leave shorter clips out"
    )
    bring.add_argument("--labelled-share", type=float, default=1.0, help="share of the labels to train on")
    bring.add_argument("--test-share", type=float, default=0.0, help="share of the clips kept for testing")
    bring.add_argument("--seed", type=int, default=0, help="seed of both choices")
    bring.add_argument("--dry-run", action="store_true", help="only show what would come in")
    bring.add_argument("--wait", action="store_true", help="stay until the clips are read")

    round_ = command("round", "Train a round of self-training.")
    round_.add_argument("--preset", default="cpu-demo", choices=tuple(PRESETS))
    round_.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    round_.add_argument("--wait", action="store_true", help="stay until it is done; needs no running worker")

    labels = command("export", "Write the labels as CSV, JSON lines, or the files of a dataset.")
    labels.add_argument("--format", choices=("csv", "jsonl", *NAMES), default="csv")
    labels.add_argument("--output", type=Path, metavar="FILE", help="else standard output")

    guess = command("predict", "Label the videos of a folder with a finished round, or an exported model.")
    guess.add_argument("folder", type=Path, help="folder of videos, or one video")
    which = guess.add_mutually_exclusive_group()
    which.add_argument("--round", type=int, metavar="NUMBER", help="number of the round; else the active one")
    which.add_argument(
        "--model", type=Path, metavar="DIR", help="folder that export-model wrote; needs no project"
    )
    guess.add_argument("--by", choices=("f_E", "f_A", "both"), help="whose answer; else as the round says")
    guess.add_argument(
        "--least", type=float, metavar="CONFIDENCE", help='below it: "none of these"; else the round\'s θ'
    )
    guess.add_argument("--format", choices=("csv", "jsonl"), default="csv")
    guess.add_argument("--output", type=Path, metavar="FILE", help="else standard output")

    model = command("export-model", "Write a finished round's model for use elsewhere, checked on its clips.")
    model.add_argument("folder", type=Path, metavar="OUT_DIR", help="folder to write, absent or empty")
    model.add_argument("--round", type=int, metavar="NUMBER", help="number of the round; else the active one")
    model.add_argument("--replace", action="store_true", help="write over an earlier export in OUT_DIR")
    model.add_argument("--data-licence", metavar="TEXT", help="licence of the clips, for the model card")

    users = commands.add_parser("users", help="Who may use the studio.")
    people = users.add_subparsers(required=True, metavar="COMMAND")
    adding = command("add", "Add a person and print how they sign in.", "users")
    adding.add_argument("name")
    adding.add_argument("--role", choices=("reviewer", "admin"), default="reviewer")
    command("list", "Print who may use the studio.", "users")
    command("token", "Give a person a new token; the old one stops working.", "users").add_argument("name")
    command("remove", "Take a person's access away; their verdicts stay.", "users").add_argument("name")

    command("upgrade", "Bring the database to this version's schema, after a backup.")
    copy = command("backup", "Write a complete copy of the database, also while the studio runs.")
    copy.add_argument("--output", type=Path, metavar="FILE", help="else a dated file in PROJECT/backups")
    whole_project = command("snapshot", "Write the whole project into one file, also while the studio runs.")
    whole_project.add_argument(
        "file", type=Path, metavar="FILE", help="the file to write, such as spring.tar"
    )
    whole_project.add_argument("--with-videos", action="store_true", help="take the videos along")
    again = command("restore", "Make the project that a snapshot holds, in a new folder.")
    again.add_argument("file", type=Path, metavar="FILE", help="the snapshot")
    again.add_argument(
        "--videos",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="folder of videos that lies elsewhere now; may be given several times",
    )
    command("doctor", "Check everything the studio stands on, one line each.")
    return whole


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
