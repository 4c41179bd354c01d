"""One pass over the unlabelled clips: both encoders, the gallery, and the pseudo-labels (Sec. 3.2)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.events import PseudoLabelsProposed
from finepseudo_core.pseudo_labels.acceptance import Acceptance, summarise
from finepseudo_core.pseudo_labels.nonparametric_classifier import (
    ClassPrediction,
    NonparametricClassifier,
    draw_gallery,
)
from finepseudo_core.pseudo_labels.strategies import Evidence, as_pseudo_labels, decide
from finepseudo_core.records import ClipRecord, ExemplarMatch, Proposal, PseudoLabel
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.image_features import chunked, embed_all, embed_clips, look_ahead
from finepseudo_core.selftraining.kept_embeddings import forget_embeddings, keep_embeddings
from finepseudo_core.selftraining.round import Round

NEAREST = 5  # labelled clips shown beside a pseudo-label


def propose(round: Round, iteration: int) -> tuple[ClipRecord, ...]:
    """Propose a label for every unlabelled clip and publish the pass.

    Returns:
        The unlabelled clips whose pseudo-label is accepted, with that label.
    """
    chunks = chunked(round.unlabelled)
    steps = round.progress.steps(stage_name(iteration), len(chunks), resumable=False)
    if steps.start < steps.total:
        look_at_clips(round, iteration)
        gallery = open_gallery(round, iteration)
        mine = [chunk for place, chunk in enumerate(chunks) if distributed.takes(place)]
        clips = round.ahead(action_clips(round, [record for chunk in mine for record in chunk]))
        own: dict[int, tuple[PseudoLabel, ...]] = {}
        for step in steps:
            if distributed.takes(step):
                own[step] = look_at(round, gallery, chunks[step], clips)
            if step + 1 == steps.total:
                seen = tuple(chain.from_iterable(distributed.in_order(own)))
                keep_embeddings(round, iteration)
                publish(round, Proposal(iteration, round.classes, gallery.exemplars, seen))
                forget_embeddings(round, but=iteration)
    accepted, decided_by = round.progress.notes["accepted"], round.progress.notes.get("probabilities", {})
    return tuple(
        replace(record, label=accepted[record.key], probabilities=tuple(decided_by.get(record.key, ())))
        for record in round.unlabelled
        if record.key in accepted
    )


def stage_name(iteration: int) -> str:
    """What the pass of an iteration is called."""
    return "proposal" if iteration == 0 else f"proposal {iteration}"


def look_at_clips(round: Round, iteration: int) -> None:
    """Image features of every clip that a pass, its embeddings and the test at the end ask for."""
    stage = "features" if iteration == 0 else f"features {iteration}"
    gallery = gallery_records(round, draw_exemplars(round, iteration))
    look_ahead(round, stage, [round.unlabelled, gallery, round.clips, round.known_test])


def weighed(round: Round, accepted: Sequence[ClipRecord]) -> tuple[ClipRecord, ...]:
    """Clips with accepted labels, as much as such a label counts in the losses."""
    share = round.config.self_training.pseudo_label_weight
    return tuple(replace(record, weight=record.weight * share) for record in accepted)


def publish(round: Round, proposal: Proposal) -> None:
    """Tell the observers, and keep what the next stage and the round's end need."""
    per_class = {
        name: (counts.accepted, counts.right)
        for name, counts in zip(round.classes, count(round, proposal).classes, strict=True)
    }
    round.notify(PseudoLabelsProposed(proposal, measure(round, proposal), per_class))
    training, notes = round.config.self_training, round.progress.notes
    before: dict[str, str | None] = {}
    if training.keep_pseudo_labels:
        first = {record.key: record.label for record in round.pseudo_labelled}
        before = notes.get("accepted", first)
    if round.config.pseudo_labels.exemplars_from == "accepted" and "accepted" in notes:
        notes["accepted_before"] = notes["accepted"]
    notes["accepted"] = before | {label.key: label.label for label in proposal.accepted}
    if training.soft_labels:
        decided_by = notes.get("probabilities", {}) if training.keep_pseudo_labels else {}
        notes["probabilities"] = decided_by | {
            label.key: label.probabilities.tolist() for label in proposal.accepted
        }
    round.proposal = proposal


def count(round: Round, proposal: Proposal) -> Acceptance:
    """How many labels are accepted and right, overall and class by class."""
    number = {name: place for place, name in enumerate(round.classes)}
    labels = np.array([number[row.label] for row in proposal.pseudo_labels], int)
    accepted = np.array([row.accepted for row in proposal.pseudo_labels], bool)
    return summarise(labels, accepted, len(number), _truth(round, proposal))


def measure(round: Round, proposal: Proposal) -> dict[str, float]:
    """Count and share of accepted labels; precision and accuracies where truth is known."""
    rows, truth = proposal.pseudo_labels, _truth(round, proposal)
    counts = count(round, proposal).overall
    metrics = {"accepted": float(counts.accepted), "coverage": counts.accepted / max(1, counts.proposed)}
    if counts.precision is not None:
        metrics["precision"] = counts.precision
    if (truth >= 0).any():
        for name, by in (
            ("accuracy", [row.probabilities for row in rows]),
            ("accuracy_action", [row.action_probabilities for row in rows]),
            ("accuracy_alignability", [row.alignability_probabilities for row in rows]),
        ):
            if name == "accuracy_alignability" and not round.config.trains_alignability:
                continue
            metrics[name] = float((np.stack(by).argmax(1) == truth)[truth >= 0].mean())
    return metrics


def _truth(round: Round, proposal: Proposal) -> np.ndarray:
    """Class number of every row (N,); -1 where nobody knows, K where it is a class without labels."""
    number = {name: place for place, name in enumerate(round.classes)}
    known = {record.key: record.truth for record in round.unlabelled if record.truth is not None}
    keys = [row.key for row in proposal.pseudo_labels]
    return np.array([number.get(known[key], len(number)) if key in known else -1 for key in keys], int)


@dataclass(frozen=True)
class Gallery:
    """The exemplars of a round, and the classifier that compares clips with them."""

    classifier: NonparametricClassifier
    records: tuple[ClipRecord, ...]
    exemplars: Mapping[str, tuple[str, ...]]

    def predict(self, round: Round, records: Sequence[ClipRecord]) -> ClassPrediction:
        """p_A (N, K), S̄ (N, K) and the nearest exemplars of some clips (Eq. 7-8)."""
        places = {record.key: place for place, record in enumerate(self.records)}
        own = torch.tensor([places.get(record.key, -1) for record in records], device=round.device)
        return self.classifier.predict(embed_clips(round, records), nearest=NEAREST, own=own)


def draw_exemplars(round: Round, iteration: int) -> dict[str, tuple[str, ...]]:
    """Keys of every class's exemplars, drawn from clips that people have labelled, or accepted ones too."""
    config, seed = round.config.pseudo_labels, round.config.seed
    if config.redraw_exemplars:
        seed = int(np.random.default_rng([seed, iteration]).integers(1 << 32))
    labels = {record.key: str(record.label) for record in round.labelled}
    if config.exemplars_from == "accepted" and iteration > 0:
        labels |= _accepted_before(round, iteration)
    pinned = {name: [key for key in keys if key in labels] for name, keys in round.exemplars.items()}
    return draw_gallery(
        labels, round.classes, most=config.exemplars, seed=seed, pinned=pinned, banned=round.banned,
    )  # fmt: skip


def _accepted_before(round: Round, iteration: int) -> dict[str, str]:
    """Key -> label of what the pass before this one accepted, or what the round was given to begin with."""
    notes = round.progress.notes
    first = {record.key: str(record.label) for record in round.pseudo_labelled}
    over = f"proposal {iteration}" in round.progress.finished
    return notes.get("accepted_before" if over else "accepted", first)


def gallery_records(round: Round, exemplars: Mapping[str, Sequence[str]]) -> tuple[ClipRecord, ...]:
    """The exemplars themselves, class after class, each with the label that it stands for."""
    by_key = {record.key: record for record in (*round.unlabelled, *round.labelled)}
    return tuple(replace(by_key[key], label=name) for name in round.classes for key in exemplars[name])


def open_gallery(round: Round, iteration: int) -> Gallery:
    """Exemplars of every class, and their embeddings as they are now."""
    config, exemplars = round.config.pseudo_labels, draw_exemplars(round, iteration)
    records = gallery_records(round, exemplars)
    classifier = NonparametricClassifier(
        embed_all(round, records),
        torch.tensor(round.class_numbers(records), device=round.device),
        len(round.classes),
        round.models.score,
        gamma=round.config.alignment.gamma,
        temperature=config.temperature,
        distance=round.config.alignment.distance,
    )
    return Gallery(classifier, records, exemplars)


@torch.no_grad()
def look_at(
    round: Round, gallery: Gallery, records: Sequence[ClipRecord], clips: Iterator[Tensor] | None = None
) -> tuple[PseudoLabel, ...]:
    """Pseudo-labels of some clips: one forward pass of both encoders, then alignment with the gallery.

    Args:
        clips: gives their middle views (1, 3, T, H, W) next; by default they are read here.
    """
    if not records:
        return ()
    views = round.ahead(action_clips(round, records)) if clips is None else clips
    config, models = round.config.pseudo_labels, round.models.eval()
    p_alignability, aligned = gallery.predict(round, records)
    with round.autocast():
        p_action, spread = models.action.predict_with_spread(
            torch.cat(list(islice(views, len(records)))).to(round.device),  # (N, 3, T, H, W)
            config.uncertainty_passes,
            config.uncertainty_dropout,
        )
    arrays = (part.float().cpu().numpy() for part in (p_action, p_alignability, aligned.scores, spread))
    evidence = Evidence(*arrays)
    nearest = [
        [
            ExemplarMatch(gallery.records[place].key, str(gallery.records[place].label), score)
            for place, score in zip(places.tolist(), scores.tolist(), strict=True)
            if score >= 0  # below is the clip itself
        ]
        for places, scores in zip(aligned.nearest, aligned.nearest_scores, strict=True)
    ]
    keys, decision = [record.key for record in records], decide(evidence, config)
    trains = np.array([record.weight > 0 for record in records])
    decision = replace(decision, accepted=decision.accepted & trains)
    shown = nearest if round.config.trains_alignability else None
    return as_pseudo_labels(keys, round.classes, evidence, decision, shown)


def action_clips(round: Round, records: Sequence[ClipRecord]) -> WholeClips:
    """The middle view of every clip (1, 3, T, H, W) for f_E."""
    config = round.config.action_encoder
    return WholeClips(round.store, records, config.frames, config.size, stride=config.stride)
