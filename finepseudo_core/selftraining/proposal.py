"""One pass over the unlabelled clips: both encoders, the gallery, and the pseudo-labels (Sec. 3.2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from finepseudo_core.alignment.alignability import ClassAlignability, class_alignability
from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.events import PseudoLabelsProposed
from finepseudo_core.pseudo_labels.acceptance import measure
from finepseudo_core.pseudo_labels.nonparametric_classifier import class_probabilities, draw_gallery
from finepseudo_core.pseudo_labels.strategies import decide
from finepseudo_core.records import ClipRecord, ExemplarMatch, Proposal, PseudoLabel
from finepseudo_core.selftraining.image_features import embed_clips
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.schedule import PROPOSAL_CHUNK

NEAREST = 5  # labelled clips shown beside a pseudo-label


def propose(round: Round, iteration: int) -> tuple[ClipRecord, ...]:
    """Propose a label for every unlabelled clip and publish the pass.

    Returns:
        The unlabelled clips whose pseudo-label is accepted, with that label.
    """
    stage = "proposal" if iteration == 0 else f"proposal {iteration}"
    chunks = max(1, math.ceil(len(round.unlabelled) / PROPOSAL_CHUNK))
    steps = round.progress.steps(stage, chunks, resumable=False)
    if steps.start < steps.total:
        gallery, seen = Gallery.draw(round), []
        for step in steps:
            records = round.unlabelled[step * PROPOSAL_CHUNK : (step + 1) * PROPOSAL_CHUNK]
            seen += look_at(round, gallery, records)
            if step + 1 == chunks:
                publish(round, Proposal(iteration, round.classes, gallery.exemplars, tuple(seen)))
    accepted = round.progress.notes["accepted"]
    return tuple(
        replace(record, label=accepted[record.key]) for record in round.unlabelled if record.key in accepted
    )


def publish(round: Round, proposal: Proposal) -> None:
    """Tell the observers, and keep what the next stage and the round's end need."""
    truths = {record.key: record.truth for record in round.unlabelled if record.truth is not None}
    round.notify(PseudoLabelsProposed(proposal, measure(proposal, truths)))
    round.progress.notes["accepted"] = {label.key: label.label for label in proposal.accepted}
    round.proposal = proposal


@dataclass(frozen=True)
class Gallery:
    """Embeddings of the exemplars (M, T, F), their class numbers (M,) and records."""

    embeddings: Tensor
    classes: Tensor
    records: tuple[ClipRecord, ...]
    exemplars: dict[str, tuple[str, ...]]

    @classmethod
    def draw(cls, round: Round) -> "Gallery":
        """Exemplars of every class, drawn once per round from the human-labelled clips."""
        exemplars = draw_gallery(
            round.labelled,
            per_class=round.config.pseudo_labels.exemplars,
            seed=round.config.seed,
            chosen=round.exemplars,
        )
        by_key = {record.key: record for record in round.labelled}
        records = tuple(by_key[key] for name in round.classes for key in exemplars[name])
        classes = torch.tensor(round.class_numbers(records), device=round.device)
        return cls(embed_clips(round, records), classes, records, exemplars)


@torch.no_grad()
def look_at(round: Round, gallery: Gallery, records: Sequence[ClipRecord]) -> list[PseudoLabel]:
    """Pseudo-labels of some clips: one forward pass of both encoders, then alignment with the gallery."""
    config, models = round.config.pseudo_labels, round.models.eval()
    aligned = align_with_gallery(round, gallery, records)
    class_scores = aligned.scores  # (N, K)
    p_alignability = class_probabilities(class_scores, config.temperature)  # (N, K)
    p_action, spread = models["action"].predict_with_spread(
        action_clips(round, records), config.uncertainty_passes
    )
    decision = decide(config, p_action, p_alignability, class_scores, spread)
    rows = [part.cpu().numpy() for part in (p_action, p_alignability, decision.probabilities, class_scores)]
    nearest = [
        (part[0].tolist(), part[1].tolist())
        for part in zip(aligned.nearest, aligned.nearest_scores, strict=True)
    ]
    return [
        PseudoLabel(
            key=record.key,
            label=round.classes[number],
            confidence=float(decision.confidence[place]),
            alignability=float(class_scores[place, number]),
            accepted=bool(decision.accepted[place]),
            action_probabilities=rows[0][place],
            alignability_probabilities=rows[1][place],
            probabilities=rows[2][place],
            class_alignabilities=rows[3][place],
            nearest=tuple(
                ExemplarMatch(gallery.records[column].key, str(gallery.records[column].label), score)
                for column, score in zip(*nearest[place], strict=True)
            ),
        )
        for place, (record, number) in enumerate(zip(records, decision.labels.tolist(), strict=True))
    ]


def align_with_gallery(
    round: Round, gallery: Gallery, records: Sequence[ClipRecord]
) -> tuple[Tensor, Tensor]:
    """Alignability of clips with every class (N, K), Eq. 7, and with every exemplar (N, M), Eq. 3."""
    return class_alignability(
        embed_clips(round, records),
        gallery.embeddings,
        gallery.classes,
        len(round.classes),
        round.models["score"],
        round.config.alignment.gamma,
        nearest=NEAREST,
    )


def action_clips(round: Round, records: Sequence[ClipRecord]) -> Tensor:
    """The middle view of every clip (N, 3, T, H, W) for f_E."""
    config = round.config.action_encoder
    clips = WholeClips(round.store, records, config.frames, config.size, stride=config.stride)
    return torch.cat([clips[index] for index in range(len(clips))]).to(round.device)
