"""The end of a round: test accuracy, the model file, and embeddings for later comparisons."""

import math
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.evaluation.top1 import averaged_probabilities
from finepseudo_core.evaluation.verification import average_precision
from finepseudo_core.records import ClipRecord, Proposal, RoundResult
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.image_features import chunked, embed_clips
from finepseudo_core.selftraining.kept_embeddings import keep_embeddings
from finepseudo_core.selftraining.models import Exemplars, save_models
from finepseudo_core.selftraining.proposal import (
    Gallery,
    action_clips,
    look_at,
    look_at_clips,
    measure,
    open_gallery,
    stage_name,
)
from finepseudo_core.selftraining.round import Round

BY_ALIGNMENT = {"test_top1_alignability", "test_top1_both", "verification_ap"}  # what f_A has a part in
MOST_PAIRS = 1 << 22  # test clip and exemplar, that verification is judged by


def conclude(round: Round) -> RoundResult:
    """Test the encoders, write model and embeddings, and put the result together."""
    look_at_clips(round, round.config.self_training.iterations)  # new to a round that is resumed here alone
    gallery = open_gallery(round, round.config.self_training.iterations)
    proposal = round.proposal or _propose_again(round, gallery)
    metrics = {**measure(round, proposal), **_test(round, gallery), **_verify(round, gallery)}
    if not round.config.trains_alignability:
        metrics = {name: value for name, value in metrics.items() if name not in BY_ALIGNMENT}
    embeddings = keep_embeddings(round, proposal.iteration)
    model = round.workspace / "model.pt"
    classifier = gallery.classifier
    keys = tuple(record.key for record in gallery.records)
    exemplars = Exemplars(classifier.gallery, classifier.gallery_classes, keys)
    digest = distributed.from_main(
        lambda: save_models(round.models, round.config, round.classes, model, exemplars)
    )
    tested = round.progress.notes.get("tested", {})
    return RoundResult(proposal, metrics, model, digest, embeddings, tested)


def _propose_again(round: Round, gallery: Gallery) -> Proposal:
    """The last pass, made anew after a resume that found it published already."""
    iteration, chunks = round.config.self_training.iterations, chunked(round.unlabelled)
    mine = [chunk for place, chunk in enumerate(chunks) if distributed.takes(place)]
    clips = round.ahead(action_clips(round, list(chain.from_iterable(mine))))
    own = {
        step: look_at(round, gallery, chunks[step], clips)
        for step in round.progress.look(stage_name(iteration), len(chunks))
        if distributed.takes(step)
    }
    seen = tuple(chain.from_iterable(distributed.in_order(own)))
    return Proposal(iteration, round.classes, gallery.exemplars, seen)


@torch.no_grad()
def _test(round: Round, gallery: Gallery) -> dict[str, float]:
    """Top-1 of f_E, of f_A's non-parametric classifier, and of both, on test clips of the known classes."""
    known = round.known_test
    if not known:
        return {}
    own: dict[int, Tensor] = {}
    chunks = chunked(known)
    steps = round.progress.steps("test", len(chunks), resumable=False)
    mine = [chunks[place] for place in range(steps.start, steps.total) if distributed.takes(place)]
    videos = round.ahead(test_clips(round, list(chain.from_iterable(mine))))
    for step in steps:
        if distributed.takes(step):
            own[step] = predict_test(round, gallery, chunks[step], videos)
        if step + 1 == steps.total:
            names = ("test_top1", "test_top1_alignability", "test_top1_both")
            predicted = torch.cat(distributed.in_order(own), dim=1)  # (3, N)
            truth = torch.tensor([round.classes.index(str(record.truth or record.label)) for record in known])
            hits = (predicted == truth).sum(dim=1, dtype=torch.float64)
            round.progress.notes["test"] = dict(zip(names, (hits / len(known)).tolist(), strict=True))
            round.progress.notes["tested"] = {
                record.key: round.classes[number]
                for record, number in zip(known, predicted[0].tolist(), strict=True)
            }
    return round.progress.notes["test"]


@torch.no_grad()
def predict_test(
    round: Round, gallery: Gallery, records: Sequence[ClipRecord], videos: Iterator[Tensor] | None = None
) -> Tensor:
    """Class numbers that f_E, f_A's classifier and both give some test clips (3, n).

    Args:
        videos: gives the views (views, 3, T, H, W) of these clips next; by default they are read here.
    """
    clips, models = test_clips(round, records), round.models.eval()
    views = round.ahead(clips) if videos is None else videos
    with round.autocast():
        p_action = averaged_probabilities(models.action, clips, range(len(records)), round.device, views)
    p_alignability = gallery.predict(round, records).probabilities  # (N, K)
    p_action = p_action.float()  # (N, K)
    predictions = (p_action, p_alignability, p_action + p_alignability)
    return torch.stack([p.argmax(1).cpu() for p in predictions])


def test_clips(round: Round, records: Sequence[ClipRecord]) -> WholeClips:
    """All views of every clip (views, 3, T, H, W) that the test protocol asks for."""
    config, protocol = round.config.action_encoder, round.config.evaluation
    return WholeClips(
        round.store, records, config.frames, config.size,
        stride=config.stride, views=protocol.clips, crops=protocol.crops,
    )  # fmt: skip


@torch.no_grad()
def _verify(round: Round, gallery: Gallery) -> dict[str, float]:
    """Average precision of telling by the score whether a test clip and an exemplar are of one class."""
    known = round.known_test
    most = max(1, MOST_PAIRS // len(gallery.records))
    known = known[:: max(1, math.ceil(len(known) / most))]
    same = [
        [(record.truth or record.label) == exemplar.label for exemplar in gallery.records] for record in known
    ]
    if not np.any(same):
        return {}
    own = {
        place: gallery.classifier.pair_scores(embed_clips(round, records)).cpu().numpy()  # (n, M)
        for place, records in enumerate(chunked(known))
        if distributed.takes(place)
    }
    scores = distributed.in_order(own)
    return {"verification_ap": average_precision(np.concatenate(scores).ravel(), np.ravel(same))}
