"""A finished round's model goes out: which file it is, and what is known about it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from app import artifacts
from app.services.predictions import ModelFile, model_file
from app.services.round_cards import Measured, RoundCard, measured, round_cards
from app.services.studio import Studio
from db.engine import Session
from db.models import Import, Round
from db.repositories import clips, pseudo_labels, rounds
from db.repositories.rounds import Member
from finepseudo_core.export.facts import DataSource, RoundFacts, Share

TOP1 = {"f_E": "test_top1", "f_A": "test_top1_alignability", "both": "test_top1_both"}


@dataclass(frozen=True)
class ModelSource:
    """The model of a round, the facts for its card, and the canonical clips that it can be tried on."""

    model: ModelFile
    facts: RoundFacts
    clips: tuple[Path, ...]


def source(studio: Studio, number: int | None = None, *, data_licence: str | None = None) -> ModelSource:
    """The model of the round of that number, of the active round by default, and what is known about it.

    Raises:
        StudioError: there is no such round, or it has not finished.
        ArtifactError: the file is missing.
    """
    model = model_file(studio, number)
    with studio.database.read() as session:
        active = rounds.active(session)
        found = (entry[0] for entry in rounds.listing(session))
        row = active if number is None else next(entry for entry in found if entry.number == number)
        assert row is not None  # model_file has found it
        card = round_cards(session, row.id)[0]
        members = rounds.members(session, round_id=row.id)
        accepted = _accepted(session, row)
        imports = {found.id: found for found, _, _ in clips.imports(session)}
    took_part = _took_part(studio, row.number)
    if took_part is not None:
        members = [member for member in members if member.key in took_part]
    usable = (
        artifacts.inside(studio.settings, member.path)
        for member in sorted(members, key=lambda member: member.role != "test")
        if member.state == "ready"
    )
    facts = _facts(card, members, accepted, counted="snapshot" if took_part is None else "clips")
    facts = replace(
        facts,
        project=studio.settings.project.name,
        sources=_sources(members, imports),
        data_licence=data_licence,
    )
    return ModelSource(model, facts, tuple(usable))


def _facts(
    card: RoundCard, members: list[Member], accepted: Mapping[str, int], *, counted: str
) -> RoundFacts:
    labelled = Counter(str(member.label) for member in members if member.role == "labelled")
    tested = [
        member for member in members if member.role == "test" and (member.truth or member.label) in labelled
    ]
    top1 = {
        by: _share(measured(round(card.metrics[name] * len(tested)), len(tested)))
        for by, name in TOP1.items()
        if counted == "clips" and name in card.metrics
    }
    return RoundFacts(
        round=card.number,
        preset=card.preset,
        device=card.device,
        finished_at=card.finished_at.isoformat(timespec="seconds") if card.finished_at else None,
        continues=card.parent_number,
        counted=counted,
        labelled=dict(sorted(labelled.items())),
        unlabelled=sum(member.role == "unlabelled" for member in members),
        test=len(tested),
        accepted=accepted,
        proposed=card.proposed,
        carried=card.carried,
        top1={by: share for by, share in top1.items() if share},
        known_precision=_share(card.known_precision),
        reviewed_precision=_share(card.reviewed_precision),
    )


def _sources(members: list[Member], imports: Mapping[int, Import]) -> tuple[DataSource, ...]:
    """The imports that these clips came by, first one first; of their paths only the last name goes out."""
    return tuple(
        DataSource(
            folder=Path(imports[number].folder).name,
            annotation=Path(labels).name if (labels := imports[number].labels_csv) else None,
            clips=count,
        )
        for number, count in sorted(Counter(member.import_id for member in members).items())
    )


def _accepted(session: Session, row: Round) -> dict[str, int]:
    """Class name, as the model knows it -> accepted pseudo-labels of the pass that the round shows."""
    names = rounds.class_names(session, round_id=row.id)
    counts = pseudo_labels.accepted_per_class(session, row=row)
    return {names[class_id]: count for class_id, count in counts.items()}


def _took_part(studio: Studio, number: int) -> set[str] | None:
    """Keys of the readable clips that a round worked on; None where its folder does not tell any more."""
    path = artifacts.round_folder(studio.settings, number) / "embedding_keys.json"
    try:
        return set(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _share(found: Measured | None) -> Share | None:
    return Share(found.right, found.of, found.low, found.high) if found else None
