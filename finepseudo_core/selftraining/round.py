"""What every stage of a round works on: clips, frames, networks, and where the round is."""

import copy
import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from finepseudo_core.config import RoundConfig
from finepseudo_core.datasets.clip_dataset import Batches
from finepseudo_core.datasets.frame_store import FrameStore, open_frame_store
from finepseudo_core.datasets.samplers import ClassBalancedBatches
from finepseudo_core.errors import ConfigError, Stopped
from finepseudo_core.events import ClipLeftOut, Notify, ShouldStop, StageStarted, StepDone, ignore
from finepseudo_core.records import ClipRecord, Proposal
from finepseudo_core.selftraining import distributed
from finepseudo_core.selftraining.batch_norm import see_whole_batch
from finepseudo_core.selftraining.clip_checks import (
    check_bans,
    check_classes,
    check_clips,
    check_exemplars,
    check_processes,
)
from finepseudo_core.selftraining.feature_files import FeatureFiles
from finepseudo_core.selftraining.models import Models, carry_over
from finepseudo_core.selftraining.progress import Progress
from finepseudo_core.selftraining.stage_cache import StageCache

logger = logging.getLogger(__name__)


@dataclass
class Round:
    """One run of Algorithm 1. Clip lists hold readable clips only; `classes` gives the class numbers."""

    config: RoundConfig
    classes: tuple[str, ...]
    labelled: tuple[ClipRecord, ...]
    pseudo_labelled: tuple[ClipRecord, ...]
    unlabelled: tuple[ClipRecord, ...]
    test: tuple[ClipRecord, ...]
    exemplars: Mapping[str, Sequence[str]]
    banned: Collection[str]
    store: FrameStore
    models: Models
    device: torch.device
    progress: Progress
    notify: Notify
    workspace: Path
    first_action: Mapping[str, torch.Tensor]  # weights of f_E as the round was opened, kept for a restart
    image_features: dict[tuple[str, int], torch.Tensor] = field(default_factory=dict)
    shared_features: set[tuple[str, int]] = field(default_factory=set)  # that every process keeps
    feature_files: FeatureFiles | None = None  # opened once the image encoder is frozen
    proposal: Proposal | None = None

    @property
    def clips(self) -> tuple[ClipRecord, ...]:
        """Every readable clip once: labelled, unlabelled, and test clips."""
        return (*self.labelled, *self.unlabelled, *self.test)

    @property
    def known_test(self) -> tuple[ClipRecord, ...]:
        """Test clips of the round's classes."""
        return tuple(record for record in self.test if (record.truth or record.label) in self.classes)

    def class_numbers(self, records: Sequence[ClipRecord]) -> list[int]:
        """Class number of every labelled record."""
        number = {name: place for place, name in enumerate(self.classes)}
        return [number[record.label] for record in records if record.label is not None]

    def common_settings(self) -> tuple[Any, ...]:
        """What every learning stage depends on besides its own settings and clips."""
        config, training = self.config, self.config.self_training
        size = max(config.action_encoder.size, config.alignability_encoder.size)
        batch = training.batch_size, training.clips_per_class, training.least_steps
        arithmetic = config.precision, config.accumulate, self.device.type
        return config.optimizer, batch, size, config.fit, *arithmetic

    def balanced(self, stage: str, records: Sequence[ClipRecord]) -> ClassBalancedBatches:
        """Class-balanced batches of a stage, from records that all carry a label."""
        training = self.config.self_training
        by_people = {record.key for record in self.labelled}
        return ClassBalancedBatches(
            self.class_numbers(records),
            training.batch_size,
            training.clips_per_class,
            self.progress.stream(stage),
            training.least_steps,
            preferred=[record.key in by_people for record in records],
            share=training.labelled_share,
        )

    def autocast(self) -> torch.autocast:
        """The precision that the encoders work in; whatever leaves them goes on in float32."""
        precision = getattr(torch, self.config.precision)
        return torch.autocast(self.device.type, precision, enabled=precision != torch.float32)

    def batches(self, dataset: Dataset, draws: Batches) -> DataLoader:
        """Batches of a dataset, prepared in worker processes where the config asks for them."""
        return DataLoader(
            dataset,
            batch_sampler=draws,
            num_workers=self.config.loader_workers,
            pin_memory=self.device.type == "cuda",
        )

    def ahead(self, dataset: Dataset) -> Iterator[Any]:
        """Samples of a dataset one by one, in order; each loader worker prepares one ahead."""
        if not len(dataset):  # type: ignore[arg-type]  # all of ours have a length
            return iter(())
        workers = self.config.loader_workers
        loader = DataLoader(
            dataset,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=1 if workers else None,  # a sample may be all views of a video
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # else it draws from the one that dropout draws from
        )
        return iter(loader)


def open_round(
    config: RoundConfig,
    labelled: Sequence[ClipRecord],
    unlabelled: Sequence[ClipRecord],
    workspace: Path,
    *,
    test: Sequence[ClipRecord],
    pseudo_labelled: Sequence[ClipRecord],
    initial_model: Path | None,
    exemplars: Mapping[str, Sequence[str]],
    stage_cache: Path | None,
    notify: Notify,
    should_stop: ShouldStop,
    banned: Collection[str] = (),
    former_names: Mapping[str, str | None] | None = None,
) -> Round:
    """Check the clips, decode them, build the networks, and take up an existing checkpoint.

    Raises:
        DatasetError: no classes, a class with fewer than two clips, a key used twice, or exemplars that
            can't be had.
    """
    classes = check_clips(labelled, unlabelled, test)
    check_exemplars(labelled, exemplars)
    check_processes(config, len(classes), len(labelled) + len(unlabelled), warm=initial_model is not None)
    if initial_model is None and distributed.is_main():
        _warn_of_chance(config)
    device = distributed.device(config.device)
    notify = notify if distributed.is_main() else ignore
    frames = (workspace if stage_cache is None else stage_cache) / "frames"
    records = sorted((*labelled, *unlabelled, *test), key=lambda record: record.key)
    store = _decode(config, records, frames, device.type, notify, should_stop)
    torch.manual_seed(config.seed)
    models = Models(config, len(classes))
    if initial_model is not None:
        carry_over(models, [(former_names or {}).get(name, name) for name in classes], initial_model)
    see_whole_batch(models.to(device), device)
    if config.compile:
        compile_encoders(models, device)
    first_action = copy.deepcopy(models.action.state_dict()) if config.self_training.restart else {}
    identity = {
        "config": config.to_dict(),
        "clips": _digest([labelled, pseudo_labelled, unlabelled, test]),
        "initial_model": initial_model is not None,
        **_chosen(exemplars, banned),
    }
    progress = Progress(
        workspace / "checkpoint.pt",
        identity,
        models,
        seed=config.seed,
        device=device.type,
        seconds=config.checkpoint_seconds,
        notify=notify,
        should_stop=should_stop,
        cache=None if stage_cache is None else StageCache(stage_cache),
    )
    readable = [
        tuple(record for record in records if record.key in store)
        for records in (labelled, pseudo_labelled, unlabelled, test)
    ]
    check_classes(readable[0], classes)
    check_bans(readable[0], banned)
    return Round(
        config=config,
        classes=classes,
        labelled=readable[0],
        pseudo_labelled=readable[1],
        unlabelled=readable[2],
        test=readable[3],
        exemplars=exemplars,
        banned=banned,
        store=store,
        models=models,
        device=device,
        progress=progress,
        notify=notify,
        workspace=workspace,
        first_action=first_action,
    )


def _warn_of_chance(config: RoundConfig) -> None:
    """Say which of the paper's networks lack the self-supervised weights that they start from there."""
    action, alignability = config.action_encoder, config.alignability_encoder
    paper = (
        (config.trains_alignability and alignability.image_encoder == "resnet50", "alignability_encoder"),
        (action.name == "r2plus1d_18", "action_encoder"),
    )
    for used, section in paper:
        if used and getattr(config, section).weights is None:
            logger.warning(
                "%s.weights is none: this network starts from chance, where the paper's starts from "
                "self-supervised weights; give a file of such weights to train as the paper does.",
                section,
            )


def compile_encoders(models: Models, device: torch.device) -> None:
    """Compile the image encoder of f_A and the video network of f_E, which take most of the time.

    Raises:
        ConfigError: torch.compile does not work here.
    """
    try:
        torch.compile(torch.sin)(torch.ones(2, device=device))
    except RuntimeError as error:  # every error of torch.compile is one
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"compile is on, but torch.compile does not work here ({reason}); install a C++ compiler such as "
            "g++ (on a GPU also triton), or set compile to false."
        ) from error
    models.alignability.image_encoder.compile()
    models.action.backbone.compile()


def _decode(
    config: RoundConfig,
    records: Sequence[ClipRecord],
    folder: Path,
    device: str,
    notify: Notify,
    should_stop: ShouldStop,
) -> FrameStore:
    def clip_done(done: int) -> None:
        notify(StepDone("frames", done, len(records), {}))
        if distributed.from_main(lambda: "stop" if should_stop() else "wait") == "stop":
            raise Stopped("stopped while decoding; resume to decode anew.")

    def decode() -> FrameStore:
        return open_frame_store(
            records,
            folder,
            size=max(config.action_encoder.size, config.alignability_encoder.size),
            squash=config.fit == "squash",
            most_bytes=config.cache_bytes,
            on_clip=clip_done,
            leave_out=lambda key, reason: notify(ClipLeftOut(key, reason)),
        )

    notify(StageStarted("frames", len(records), device))
    if distributed.is_main():
        store = decode()
        distributed.from_main(lambda: "done")
        return store
    while (told := distributed.from_main(lambda: "")) != "done":
        if told == "stop":
            raise Stopped("stopped while decoding; resume to decode anew.")
    return decode()  # what is on disk now


def _chosen(exemplars: Mapping[str, Sequence[str]], banned: Collection[str]) -> dict[str, Any]:
    """What tells rounds with other exemplars apart; nothing where nobody has chosen any."""
    pinned = {name: list(keys) for name, keys in sorted(exemplars.items())}
    return {"exemplars": [pinned, sorted(banned)]} if pinned or banned else {}


def _digest(lists: Sequence[Sequence[ClipRecord]]) -> str:
    rows = [[[record.key, record.label, record.weight] for record in records] for records in lists]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
