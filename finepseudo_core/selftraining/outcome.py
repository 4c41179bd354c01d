"""The end of a round: test accuracy, the model file, and embeddings for later comparisons."""

import json
import math
from pathlib import Path

import numpy as np
import torch

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.evaluation.top1 import averaged_probabilities
from finepseudo_core.evaluation.verification import average_precision
from finepseudo_core.records import Proposal, PseudoLabel, RoundResult
from finepseudo_core.selftraining.image_features import embed_clips
from finepseudo_core.selftraining.models import Exemplars, save_models
from finepseudo_core.selftraining.proposal import Gallery, chunked, look_at, measure, open_gallery
from finepseudo_core.selftraining.round import Round

MOST_PAIRS = 1 << 22  # test clip and exemplar, that verification is judged by


def conclude(round: Round) -> RoundResult:
    """Test the encoders, write model and embeddings, and put the result together."""
    gallery = open_gallery(round)
    proposal = round.proposal or _propose_again(round, gallery)
    metrics = {**measure(round, proposal), **_test(round, gallery), **_verify(round, gallery)}
    embeddings = _write_embeddings(round)
    model = round.workspace / "model.pt"
    classifier = gallery.classifier
    keys = tuple(record.key for record in gallery.records)
    exemplars = Exemplars(classifier.gallery, classifier.gallery_classes, keys)
    digest = save_models(round.models, round.config, round.classes, model, exemplars)
    return RoundResult(proposal, metrics, model, digest, embeddings)


def _propose_again(round: Round, gallery: Gallery) -> Proposal:
    """The last pass, made anew after a resume that found it published already."""
    seen: list[PseudoLabel] = []
    for records in chunked(round.unlabelled):
        seen += look_at(round, gallery, records)
    return Proposal(round.config.self_training.iterations, round.classes, gallery.exemplars, tuple(seen))


@torch.no_grad()
def _test(round: Round, gallery: Gallery) -> dict[str, float]:
    """Top-1 of f_E, of f_A's non-parametric classifier, and of both, on test clips of the known classes."""
    known = [record for record in round.test if (record.truth or record.label) in round.classes]
    if not known:
        return {}
    config, models, protocol = round.config.action_encoder, round.models.eval(), round.config.evaluation
    hits, chunks, done = np.zeros(3), chunked(known), 0
    steps = round.progress.steps("test", len(chunks), resumable=False)
    for step in steps:
        records = chunks[step]
        clips = WholeClips(
            round.store, records, config.frames, config.size,
            stride=config.stride, views=protocol.clips, crops=protocol.crops,
        )  # fmt: skip
        with round.autocast():
            p_action = averaged_probabilities(models.action, clips, range(len(records)), round.device)
        p_alignability = gallery.predict(round, records).probabilities  # (N, K)
        p_action = p_action.float()  # (N, K)
        truth = torch.tensor([round.classes.index(str(record.truth or record.label)) for record in records])
        for place, p in enumerate((p_action, p_alignability, p_action + p_alignability)):
            hits[place] += (p.argmax(1).cpu() == truth).sum().item()
        done += len(records)
        if step + 1 == steps.total:
            names = ("test_top1", "test_top1_alignability", "test_top1_both")
            round.progress.notes["test"] = dict(zip(names, (hits / done).tolist(), strict=True))
    return round.progress.notes["test"]


@torch.no_grad()
def _verify(round: Round, gallery: Gallery) -> dict[str, float]:
    """Average precision of telling by the score whether a test clip and an exemplar are of one class."""
    known = [record for record in round.test if (record.truth or record.label) in round.classes]
    most = max(1, MOST_PAIRS // len(gallery.records))
    known = known[:: max(1, math.ceil(len(known) / most))]
    scores, same = [], []
    for records in chunked(known) if known else ():
        scores.append(gallery.classifier.pair_scores(embed_clips(round, records)).cpu().numpy())  # (n, M)
        same += [
            [(record.truth or record.label) == exemplar.label for exemplar in gallery.records]
            for record in records
        ]
    if not np.any(same):
        return {}
    return {"verification_ap": average_precision(np.concatenate(scores).ravel(), np.ravel(same))}


def _write_embeddings(round: Round) -> dict[str, Path]:
    """f_A's embeddings of every clip as float16 (N, T, F), and the keys in the same order."""
    records = [*round.labelled, *round.unlabelled, *round.test]
    embeddings = [embed_clips(round, chunk).cpu() for chunk in chunked(records)]
    array, keys = round.workspace / "embeddings.npy", round.workspace / "embedding_keys.json"
    np.save(array, torch.cat(embeddings).half().numpy())
    keys.write_text(json.dumps([record.key for record in records]))
    return {"alignability": array, "keys": keys}
