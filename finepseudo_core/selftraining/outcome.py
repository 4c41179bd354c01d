"""The end of a round: test accuracy, the model file, and embeddings for later comparisons."""

import json
import math
from pathlib import Path

import numpy as np
import torch

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.evaluation.top1 import averaged_probabilities
from finepseudo_core.pseudo_labels.acceptance import measure
from finepseudo_core.pseudo_labels.nonparametric_classifier import class_probabilities
from finepseudo_core.records import ClipRecord, Proposal, PseudoLabel, RoundResult
from finepseudo_core.selftraining.image_features import embed_clips
from finepseudo_core.selftraining.models import save_models
from finepseudo_core.selftraining.proposal import Gallery, align_with_gallery, look_at
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.schedule import PROPOSAL_CHUNK


def conclude(round: Round) -> RoundResult:
    """Test the encoders, write model and embeddings, and put the result together."""
    gallery = Gallery.draw(round)
    proposal = round.proposal or _proposal_again(round, gallery)
    truths = {record.key: record.truth for record in round.unlabelled if record.truth is not None}
    metrics = {**measure(proposal, truths), **_test(round, gallery)}
    embeddings = _write_embeddings(round)
    model = round.workspace / "model.pt"
    digest = save_models(round.models, round.config, round.classes, model)
    return RoundResult(proposal, metrics, model, digest, embeddings)


def _proposal_again(round: Round, gallery: Gallery) -> Proposal:
    """The last pass, made anew after a resume that found it published already."""
    seen: list[PseudoLabel] = []
    for start in range(0, len(round.unlabelled), PROPOSAL_CHUNK):
        seen += look_at(round, gallery, round.unlabelled[start : start + PROPOSAL_CHUNK])
    return Proposal(round.config.self_training.iterations, round.classes, gallery.exemplars, tuple(seen))


@torch.no_grad()
def _test(round: Round, gallery: Gallery) -> dict[str, float]:
    """Top-1 of f_E, of f_A's non-parametric classifier, and of both, on the test clips."""
    known = [record for record in round.test if (record.truth or record.label) in round.classes]
    if not known:
        return {}
    config, models, test = round.config.action_encoder, round.models.eval(), round.config.evaluation
    clips = WholeClips(
        round.store,
        known,
        config.frames,
        config.size,
        stride=config.stride,
        views=test.clips,
        crops=test.crops,
    )
    hits, notes = np.zeros(3), round.progress.notes
    steps = round.progress.steps("test", math.ceil(len(known) / PROPOSAL_CHUNK), resumable=False)
    for step in steps:
        chosen = range(step * PROPOSAL_CHUNK, min(len(known), (step + 1) * PROPOSAL_CHUNK))
        p_action = averaged_probabilities(models["action"], clips, chosen, round.device)  # (N, K)
        class_scores = align_with_gallery(round, gallery, [known[place] for place in chosen]).scores
        p_alignability = class_probabilities(class_scores, round.config.pseudo_labels.temperature)
        truth = torch.tensor(
            [round.classes.index(str(known[place].truth or known[place].label)) for place in chosen]
        )
        for column, p in enumerate((p_action, p_alignability, p_action + p_alignability)):
            hits[column] += (p.argmax(1).cpu() == truth).sum().item()
        if step + 1 == steps.total:
            names = ("test_top1", "test_top1_alignability", "test_top1_both")
            notes["test"] = dict(zip(names, (hits / len(known)).tolist(), strict=True))
    return notes["test"]


def _write_embeddings(round: Round) -> dict[str, Path]:
    """f_A's embeddings of every clip as float16 (N, T, F), and the keys in the same order."""
    records: list[ClipRecord] = [*round.labelled, *round.unlabelled, *round.test]
    chunks = (records[start : start + PROPOSAL_CHUNK] for start in range(0, len(records), PROPOSAL_CHUNK))
    embeddings = [embed_clips(round, chunk).cpu() for chunk in chunks]
    array, keys = round.workspace / "embeddings.npy", round.workspace / "embedding_keys.json"
    np.save(array, torch.cat(embeddings).half().numpy())
    keys.write_text(json.dumps([record.key for record in records]))
    return {"alignability": array, "keys": keys}
