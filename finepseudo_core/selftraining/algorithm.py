"""THE MAIN LOOP: Algorithm 1 of FinePseudo (Dave et al., ECCV 2024, arXiv 2409.01448)."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from finepseudo_core.baselines.fixmatch import learn_by_consistency
from finepseudo_core.baselines.timebalance import learn_from_teachers
from finepseudo_core.config import RoundConfig
from finepseudo_core.events import Notify, RoundFinished, ShouldStop, ignore, never
from finepseudo_core.records import ClipRecord, RoundResult
from finepseudo_core.selftraining.action_stage import learn_actions, restart_actions
from finepseudo_core.selftraining.alignability_stage import learn_alignability
from finepseudo_core.selftraining.distributed import together
from finepseudo_core.selftraining.outcome import conclude
from finepseudo_core.selftraining.pretraining import pretrain
from finepseudo_core.selftraining.proposal import propose, weighed
from finepseudo_core.selftraining.rehearsal import rehearse
from finepseudo_core.selftraining.round import Round, open_round
from finepseudo_core.selftraining.stage_cache import alone_in


@together()
def run(
    config: RoundConfig,
    labelled: Sequence[ClipRecord],
    unlabelled: Sequence[ClipRecord],
    workspace: Path,
    *,
    test: Sequence[ClipRecord] = (),
    pseudo_labelled: Sequence[ClipRecord] = (),
    initial_model: Path | None = None,
    exemplars: Mapping[str, Sequence[str]] | None = None,
    banned: Collection[str] = (),
    former_names: Mapping[str, str | None] | None = None,
    stage_cache: Path | None = None,
    rehearsed: bool = False,
    notify: Notify = ignore,
    should_stop: ShouldStop = never,
) -> RoundResult:
    """Learn from labelled and unlabelled clips, and propose a label for every unlabelled one.

    A checkpoint in `workspace` is taken up, so calling again after a crash or a stop goes on where it
    was; on a CPU the result is the same to the last bit. Under torchrun all processes call this alike and
    share the work; the first one notifies, is asked to stop, and writes.

    Args:
        labelled: clips with a label, at least two of every class.
        unlabelled: clips to propose labels for; their `truth`, where known, only measures.
        workspace: folder of this round alone; holds checkpoint, decoded frames, model and embeddings.
        test: clips with a `truth` or label that take no part in training.
        pseudo_labelled: clips of `unlabelled` with a label accepted earlier; used with `initial_model`.
        initial_model: model of an earlier round. Its networks are carried over, and the stages before
            self-training fall away.
        exemplars: class name -> keys of labelled clips that must be its exemplars; drawn where absent.
        banned: keys of labelled clips that are never exemplars.
        former_names: class name -> its name in `initial_model`, where that is another one; None where the
            model knows another class by that name.
        stage_cache: folder in which rounds on the same clips, one at a time, leave decoded frames, image
            features and learnt stages for one another.
        rehearsed: try a few steps of every stage first, and tell what they take (`StagesTimed`).
        notify: called with every event; watches and never acts.
        should_stop: asked at every step; once it answers True the round is saved and Stopped raised.

    Raises:
        DatasetError: the clips can't be used as they are.
        CheckpointError: the workspace holds a damaged checkpoint, or one of another round; or another round
            is at work in `stage_cache`.
        TrainingError: a loss is not finite.
        Stopped: should_stop answered True.
    """
    with alone_in(stage_cache):
        round = open_round(
            config,
            labelled,
            unlabelled,
            workspace,
            test=test,
            pseudo_labelled=pseudo_labelled,
            initial_model=initial_model,
            exemplars=exemplars or {},
            banned=banned,
            former_names=former_names or {},
            stage_cache=stage_cache,
            notify=notify,
            should_stop=should_stop,
        )
        if rehearsed:
            rehearse(round, warm=initial_model is not None)
        match config.method:
            case "finepseudo":
                self_train(round, warm=initial_model is not None)
            case "fixmatch":
                learn_by_consistency(round, warm=initial_model is not None)
            case "timebalance":
                learn_from_teachers(round, warm=initial_model is not None)
        result = conclude(round)
        round.notify(RoundFinished(result))
    return result


def self_train(round: Round, *, warm: bool) -> None:
    """ALGORITHM 1."""
    training, accepted = round.config.self_training, round.pseudo_labelled
    if not warm:
        pretrain(round)
        learn_alignability(round, "alignability", round.labelled, training.alignability_epochs)
        learn_actions(round, "action", round.labelled, training.action_epochs)
        accepted = propose(round, iteration=0)
    for iteration in range(1, training.iterations + 1):
        known = (*round.labelled, *weighed(round, accepted))
        learn_alignability(round, f"alignability {iteration}", known, training.epochs)
        if training.restart:
            restart_actions(round, f"action {iteration}")
        learn_actions(round, f"action {iteration}", known, training.epochs)
        accepted = propose(round, iteration)
