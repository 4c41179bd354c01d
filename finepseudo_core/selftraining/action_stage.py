"""Training f_E with cross-entropy on labelled and pseudo-labelled clips (Eq. 6)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from finepseudo_core.datasets.clip_dataset import ActionClips, Batches
from finepseudo_core.encoders.action_encoder import ActionEncoder
from finepseudo_core.records import ClipRecord
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.learner import Learner
from finepseudo_core.selftraining.round import Round
from finepseudo_core.selftraining.stage_cache import inputs_of
from finepseudo_core.video.strong_transform import StrongTransform
from finepseudo_core.video.transforms import TrainingTransform


def learn_actions(
    round: Round,
    stage: str,
    records: Sequence[ClipRecord],
    epochs: int,
    *,
    encoder: ActionEncoder | None = None,
) -> None:
    """Train f_E on records that all carry a label, for `epochs` epochs of class-balanced batches.

    Args:
        encoder: another network like f_E, to be trained in its place.
    """
    config, encoder = round.config.action_encoder, encoder or round.models.action
    targets = probabilities_of(round, records)  # (N, K)
    weights = torch.tensor([record.weight for record in records])
    clips = training_clips(round, records)
    draws = round.balanced(stage, records)
    learner = Learner(
        ActionStep(encoder, round.autocast), round.config, round.device, parts=round.config.accumulate
    )
    steps = round.progress.steps(
        stage,
        epochs * draws.steps_per_epoch,
        learner,
        learning=encoder,
        inputs=inputs_of(records, config, *round.common_settings(), *draws.reserves),
    )
    batches = iter(round.batches(clips, Batches(learner.share_of(draws), steps.start, steps.total)))
    encoder.train()
    for step in steps:
        clip, chosen = next(batches)  # (b, 3, T, H, W), (b,): this process's share of the batch
        whole = [draw.index for draw in draws(step)]
        importance = max(weights[whole].sum().item(), 1e-12)  # a batch may hold clips of weight 0 alone
        sums = torch.zeros(2, device=round.device)
        for rows in learner.parts(len(whole)):
            target, weight = targets[chosen[rows]].to(round.device), weights[chosen[rows]].to(round.device)
            losses, right = learner.step(clip[rows].to(round.device), target, weight)
            learner.backward(losses / importance)
            sums += torch.stack([losses.detach(), right])
        learner.learn(step, steps.total, draws.steps_per_epoch)
        loss, right = distributed.total(sums).tolist()
        round.progress.report(loss=loss / importance, accuracy=right / len(whole))


def probabilities_of(round: Round, records: Sequence[ClipRecord]) -> Tensor:
    """What f_E is to say of every record (N, K): 1 for its label's class, or the record's probabilities."""
    targets = functional.one_hot(torch.tensor(round.class_numbers(records)), len(round.classes)).float()
    for row, record in zip(targets, records, strict=True):
        if record.probabilities:
            row.copy_(torch.tensor(record.probabilities))
    return targets


def restart_actions(round: Round, stage: str) -> None:
    """Give f_E the weights back that it had when the round was opened, unless the stage has begun already."""
    if not round.progress.has_begun(stage):
        round.models.action.load_state_dict(round.first_action)


def training_clips(round: Round, records: Sequence[ClipRecord]) -> ActionClips:
    """Clips in the random views that f_E learns from."""
    config = round.config.action_encoder
    strong = config.augmentation == "strong"
    transform = StrongTransform(config.size) if strong else TrainingTransform(config.size)
    return ActionClips(round.store, records, config.frames, config.stride, transform)


class ActionStep(nn.Module):
    """f_E and its cross-entropy on a part of a batch.

    Args:
        autocast: gives the context of the precision that f_E works in.
    """

    def __init__(self, encoder: ActionEncoder, autocast: Callable[[], torch.autocast]) -> None:
        super().__init__()
        self.encoder, self.autocast = encoder, autocast

    def forward(self, clips: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (b, 3, T, H, W), targets (b, K), weights (b,) -> weighted sum of losses, number of hits."""
        with self.autocast():
            logits = self.encoder(clips)  # (b, K)
        logits = logits.float()
        losses = functional.cross_entropy(logits, target, reduction="none")  # (b,)
        return (losses * weight).sum(), (logits.argmax(1) == target.argmax(1)).sum()
