"""The tour of four steps on Today: what each says as the project stands, and who has seen it."""

from dataclasses import dataclass

from app.services.studio import Studio
from app.services.today import Today
from app.services.users import current
from db.engine import now
from db.repositories import users


@dataclass(frozen=True)
class Step:
    """One card of the tour.

    Args:
        page: name of the page it leads to, `link` what the link to it says.
        keys: keys and what they do, as (("A",), "accept").
        here: this is where the project stands now.
    """

    title: str
    words: str
    page: str
    link: str
    keys: tuple[tuple[tuple[str, ...], str], ...] = ()
    here: bool = False


def is_due(studio: Studio, user_id: int) -> bool:
    """Whether this person has yet to put the tour away."""
    with studio.database.read() as session:
        person = users.current(session, user_id=user_id)
        return person is not None and person.tour_seen_at is None


def put_away(studio: Studio, user_id: int) -> None:
    """Show the tour to this person no more.

    Raises:
        StudioError: there is no such current person.
    """
    with studio.database.write() as session:
        current(session, user_id).tour_seen_at = now(session)


def show_again(studio: Studio, user_id: int) -> None:
    """Show the tour to this person again.

    Raises:
        StudioError: there is no such current person.
    """
    with studio.database.write() as session:
        current(session, user_id).tour_seen_at = None


def steps(today: Today) -> tuple[Step, Step, Step, Step]:
    """The four cards for the project as it stands."""
    at = {"review": 1, "rounds": 3 if today.review_round_number else 0}.get(today.next_action.page, 0)
    review = Step(
        "Review: one key each",
        "Every proposal is one clip and one key. Correcting costs no more than accepting, and U takes the "
        "last one back.",
        "review",
        "Open Review",
        ((("A",), "right"), (("1", "9"), "it is this one"), (("X",), "wrong"), (("?",), "all keys")),
        here=at == 1,
    )
    reasons = Step(
        "See why",
        "Compare lays two clips over each other in phase, and shows where they part. Classes shows which "
        "ones are told apart, and which examples stand for each.",
        "compare",
        "Open Compare",
    )
    onward = Step(
        "Start the next round",
        "It learns from what you decided and proposes better labels. Labels leave at any time, as CSV or as "
        "files of public datasets, on Transfer.",
        "rounds",
        "Open Rounds",
        here=at == 3,
    )
    return _first(today, here=at == 0), review, reasons, onward


def _first(today: Today, *, here: bool) -> Step:
    """What happens now: no clips, proposals wait, a round or an import at work, no round yet, or all done."""
    if not today.clips:
        return Step(
            "Bring clips in",
            "The studio labels short clips with your help. Give it a folder of them, and labels for a few: "
            "two of every class are enough to begin.",
            "transfer", "Import clips", here=here,
        )  # fmt: skip
    if today.waiting:
        return Step(
            "Proposals wait",
            f"Round {today.review_round_number} looked at your clips and proposes a label for each. "
            f"{_clips(today.waiting)} for your word on it.",
            "rounds", "See the round", here=here,
        )  # fmt: skip
    if today.running_round is not None:
        return Step(
            "A round is at work",
            "From the labelled clips it learns which movements unfold alike, and lays all others over them. "
            "Its proposals show up here by themselves.",
            "rounds", "Watch the round", here=here,
        )  # fmt: skip
    if today.running_import is not None:
        return Step(
            "Clips are being read",
            f"{today.ready:,} of {today.clips:,} are ready to play. Each is checked once; what can't be read "
            "is listed with its reason.",
            "transfer", "Watch the import", here=here,
        )  # fmt: skip
    if today.review_round_number is None:
        return Step(
            "No round has run yet",
            f"{today.labelled:,} of {today.ready:,} clips have a label. From two of every class on, a round "
            "proposes labels for all others.",
            "rounds", "Go to Rounds", here=here,
        )  # fmt: skip
    return Step(
        "All proposals are answered",
        f"Nothing of round {today.review_round_number} waits for you. The next round learns from the "
        f"{today.labelled:,} labels there are now.",
        "rounds", "See the round", here=here,
    )  # fmt: skip


def _clips(count: int) -> str:
    return f"{count:,} clip{' waits' if count == 1 else 's wait'}"
