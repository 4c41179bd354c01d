"""Configuration of a round: frozen dataclasses with the paper's values as defaults.

Of the paper's values only the self-supervised weights of its networks are no defaults: no name stands for
them. Every choice the paper leaves open is a field here, named `[A]` in its help text.
`RoundConfig.from_dict` is strict, `to_dict` is its inverse, and `preset` gives the named starting points.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from finepseudo_core.baselines.settings import FixMatchConfig, TimeBalanceConfig
from finepseudo_core.encoders.settings import ActionEncoderConfig, AlignabilityEncoderConfig
from finepseudo_core.errors import ConfigError
from finepseudo_core.options import Section, option

T = TypeVar("T")

METHODS = ("finepseudo", "fixmatch", "timebalance")


@dataclass(frozen=True)
class OptimizerConfig(Section):
    """Adam with default betas, linear warm-up, then cosine decay."""

    learning_rate: float = option(1e-4, "[A] Base learning rate.", above=0)
    warmup_epochs: float = option(5.0, "Epochs of linear warm-up.", at_least=0)
    warmup_share: float = option(
        0.1,
        "[A] Largest part of a stage that warms up; those between passes are short.",
        at_least=0,
        at_most=1,
    )
    weight_decay: float = option(0.0, "Weight decay.", at_least=0)
    clip_norm: float = option(0.0, "Largest gradient norm; 0 leaves gradients as they are.", at_least=0)


@dataclass(frozen=True)
class CarlConfig(Section):
    """CARL (Chen et al., CVPR 2022), the other objective of pretraining (Table 15)."""

    variance: float = option(
        10.0, "[A] σ² of the Gaussian over time, in squared frames of the clip as in CARL.", above=0
    )
    crop: float = option(1.5, "[A] Longest stretch that a view is drawn from, in multiples of T.", at_least=1)
    overlap: float = option(
        0.2, "[A] Least common part of the two stretches, in multiples of T.", at_least=0, at_most=1
    )


@dataclass(frozen=True)
class PretrainingConfig(Section):
    """Self-supervised pretraining of f_A with GITDL (Eq. 9), or with CARL's objective."""

    objective: str = option("gitdl", "What f_A is pretrained by (Table 15).", choices=("gitdl", "carl"))
    epochs: int = option(100, "Epochs over all clips; 0 skips pretraining.", at_least=0)
    batch_size: int = option(96, "Clips per step.", at_least=2)
    temperature: float = option(0.1, "Temperature of the similarity h.", above=0)
    peak: float = option(
        0.99, "Peak of the Gaussian that spares near-in-time negatives.", at_least=0, at_most=1
    )
    deviation: float = option(0.2, "[A] Standard deviation of the Gaussian, in clip time [0, 1].", above=0)
    gaussian: bool = option(True, "Weight negatives by the Gaussian; off weighs all by one (Table 9).")
    projection: int = option(128, "Width of the projection MLP.", at_least=2)
    carl: CarlConfig = CarlConfig()

    def in_use(self) -> dict[str, Any]:
        """The settings that the objective reads, which are those that a learnt stage depends on."""
        other = {"gitdl": ("objective", "carl"), "carl": ("peak", "deviation", "gaussian")}[self.objective]
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in other}


@dataclass(frozen=True)
class AlignmentConfig(Section):
    """Alignment distance, triplet and score (Eq. 1-5)."""

    distance: str = option(
        "soft_dtw",
        "Distance between clips that f_A learns by and f_S is given (Table 8); others are for comparison.",
        choices=("soft_dtw", "dtw", "otam", "cosine_unpooled", "cosine_pooled"),
    )
    gamma: float = option(0.001, "Soft-DTW smoothing.", above=0)
    triplet: bool = option(True, "Train with the alignability triplet loss (Eq. 2).")
    score: bool = option(True, "Train with the alignability score loss (Eq. 4).")
    margin: float = option(0.1, "Margin of the triplet loss on the raw distance.", above=0)
    normalise_triplet: bool = option(
        False,
        "[A] Divide D by T in the triplet loss, for a margin per frame. Together with detach_distance: "
        "beside a score loss that moves f_A it leaves the triplet a T-th of its weight. "
        "f_S sees D/T either way.",
    )
    mining: str = option(
        "hard",
        "[A] Negatives used by the triplet loss.",
        choices=("hard", "all", "hardest", "semihard", "random"),
    )
    triplet_mean: str = option(
        "mined",
        "[A] What the triplet loss is a mean over: the triplets that mining keeps, or all of the batch.",
        choices=("mined", "all"),
    )
    score_weight: float = option(1.0, "[A] ω, weight of the score loss (Eq. 5).", at_least=0)
    detach_distance: bool = option(False, "[A] Keep the score loss from moving the encoder.")
    score_pairs: str = option(
        "all",
        "[A] Pairs of the score loss: all of the batch, balanced, or triplets'.",
        choices=("all", "triplet"),
    )
    balance_pairs: bool = option(
        True,
        "[A] Half the weight of the score loss on pairs of one class; off, every pair weighs alike.",
    )
    normalise_score: bool = option(True, "[A] Give f_S the distance per frame, D/T; off, D.")
    score_hidden: int = option(32, "[A] Hidden width of f_S.", at_least=1)
    learnt_score: bool = option(
        True,
        "[A] S is f_S of the distance; off, the standardised distance itself, turned round: the paper does "
        "not say what Table 5 has in place of f_S.",
    )
    monotone: bool = option(False, "[A] Force f_S to fall with the distance.")
    standardise_distance: bool = option(True, "[A] Standardise D/T by running mean and deviation before f_S.")


@dataclass(frozen=True)
class PseudoLabelConfig(Section):
    """How pseudo-labels are made and accepted (Eq. 7-8, Table 6)."""

    strategy: str = option(
        "collaborative",
        "What decides the label and whether it is accepted: both encoders (collaborative), f_E alone "
        "(confidence), f_E where it is steady (uncertainty) or alignment agrees (verification), f_A alone "
        "(alignability); none accepts nothing and trains on labelled clips only.",
        choices=("collaborative", "confidence", "uncertainty", "verification", "alignability", "none"),
    )
    threshold: float = option(0.6, "θ, least confidence of an accepted label.", at_least=0, at_most=1)
    temperature: float = option(0.1, "τ of the non-parametric classifier (Eq. 8).", above=0)
    exemplars: int = option(15, "Exemplars per class, at most (Eq. 7).", at_least=1)
    exemplars_from: str = option(
        "people",
        "[A] Which clips may be exemplars: those that people have labelled, or beside them those accepted in "
        "the pass before, which are never compared with themselves.",
        choices=("people", "accepted"),
    )
    redraw_exemplars: bool = option(
        False, "[A] Draw exemplars anew for every pass; off, they are those of the round."
    )
    combine: str = option("mean", "[A] How p_E and p_A are combined before θ.", choices=("mean", "sum"))
    verification_threshold: float = option(
        0.6, "Least alignability under the verification strategy.", at_least=0, at_most=1
    )
    uncertainty_passes: int = option(10, "Dropout passes of the uncertainty strategy.", at_least=2)
    uncertainty_dropout: float = option(
        0.3,
        "[A] Dropout before f_E's classifier in the passes of the uncertainty strategy.",
        above=0,
        at_most=0.9,
    )
    uncertainty_threshold: float = option(0.05, "Largest spread under the uncertainty strategy.", above=0)


@dataclass(frozen=True)
class SelfTrainingConfig(Section):
    """Supervised stages and self-training iterations (Algorithm 1)."""

    alignability_epochs: int = option(100, "Epochs of L_AV on labelled clips.", at_least=0)
    action_epochs: int = option(100, "Epochs of L_CE on labelled clips.", at_least=0)
    iterations: int = option(10, "Self-training iterations: propose, then train.", at_least=0)
    epochs: int = option(5, "Epochs per iteration, for both encoders.", at_least=1)
    batch_size: int = option(96, "Clips per step.", at_least=4)
    clips_per_class: int = option(4, "Clips of each class sampled into a batch; at least two.", at_least=2)
    least_steps: int = option(1, "Least steps per epoch, for very small labelled sets.", at_least=1)
    pseudo_label_weight: float = option(
        1.0, "[A] Weight of an accepted label in the losses, where a human one weighs 1.", above=0, at_most=1
    )
    soft_labels: bool = option(
        False,
        "[A] Of an accepted clip f_E learns the probabilities that its label was decided by, so that both "
        "encoders are distilled into it; off, the label. f_A learns the label either way.",
    )
    labelled_share: float = option(
        0.0,
        "[A] Least share of each class's clips in a batch that people have labelled; 0 draws those and "
        "accepted ones alike.",
        at_least=0,
        at_most=1,
    )
    keep_pseudo_labels: bool = option(
        False, "[A] An accepted label stays until a later pass accepts another; off, every pass replaces all."
    )
    restart: bool = option(
        False, "[A] f_E begins every iteration with its first weights; off, with those it has come to."
    )


@dataclass(frozen=True)
class EvaluationConfig(Section):
    """Test protocol: several clips and crops per video, softmax averaged."""

    clips: int = option(10, "Clips per video.", at_least=1)
    crops: int = option(3, "Spatial crops per clip.", choices=(1, 3))
    predict: str = option(
        "f_E", "[A] Whose answer counts for new clips; f_E as in the paper.", choices=("f_E", "f_A", "both")
    )


@dataclass(frozen=True)
class RoundConfig(Section):
    """Everything a round depends on besides its clips and labels."""

    method: str = option(
        "finepseudo",
        "What learns: FinePseudo (Algorithm 1), or a method it is compared with. Those train f_E alone, need "
        "the confidence strategy, and what a round of theirs shows of alignability means nothing.",
        choices=METHODS,
    )
    seed: int = option(0, "Seed of every random choice.", at_least=0)
    device: str = option("auto", "auto, cpu, or cuda.", choices=("auto", "cpu", "cuda"))
    precision: str = option(
        "float32",
        "[A] Arithmetic of the encoders; costs, alignment and losses stay in float32 either way.",
        choices=("float32", "bfloat16", "float16"),
    )
    accumulate: int = option(
        1,
        "Parts that a batch is worked through in where memory is short. L_AV sees all pairs and stays the "
        "same; where batch norm learns, in pretraining and f_E, it sees one part at a time.",
        at_least=1,
    )
    compile: bool = option(False, "Compile both encoders with torch.compile; needs a C++ compiler or a GPU.")
    channels_last: bool = option(
        True, "Keep convolution weights channels-last in memory: faster, with results equal up to rounding."
    )
    checkpoint_seconds: float = option(20.0, "Longest time between two checkpoints.", at_least=0)
    fit: str = option(
        "crop",
        "[A] How a frame becomes square: crop along the longer side, or squash.",
        choices=("crop", "squash"),
    )
    cache_bytes: int = option(4 << 30, "Most bytes of decoded frames kept on disk.", at_least=0)
    loader_workers: int = option(
        0,
        "Processes that prepare batches and the clips that a pass looks at; 0 prepares them in the training "
        "process.",
        at_least=0,
    )
    action_encoder: ActionEncoderConfig = ActionEncoderConfig()
    alignability_encoder: AlignabilityEncoderConfig = AlignabilityEncoderConfig()
    pretraining: PretrainingConfig = PretrainingConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    pseudo_labels: PseudoLabelConfig = PseudoLabelConfig()
    self_training: SelfTrainingConfig = SelfTrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    fixmatch: FixMatchConfig = FixMatchConfig()
    timebalance: TimeBalanceConfig = TimeBalanceConfig()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trains_alignability:
            return
        for name, value, needed in (
            ("pseudo_labels.strategy", self.pseudo_labels.strategy, "confidence"),
            ("evaluation.predict", self.evaluation.predict, "f_E"),
        ):
            if value != needed:
                raise ConfigError(
                    f"the method {self.method} trains f_E alone and has no evidence of alignment; "
                    f"set {name} from {value!r} to {needed!r}, or choose the method finepseudo."
                )

    @property
    def trains_alignability(self) -> bool:
        """Whether f_A learns, so that alignability means something."""
        return self.method == "finepseudo"

    def to_dict(self) -> dict[str, Any]:
        """Nested plain dict, fit for JSON; `from_dict` reads it back."""
        return dataclasses.asdict(self)

    def changes(self) -> dict[str, Any]:
        """Dotted names and values of the settings that differ from the paper's; `replace` takes them back."""
        return dict(_differences(self.to_dict(), RoundConfig().to_dict(), ""))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RoundConfig":
        """Build a config from a nested dict; missing fields keep their defaults.

        Raises:
            ConfigError: an unknown field (named in full) or a value outside its range.
        """
        return _build(cls, values, "")

    def replace(self, changes: Mapping[str, Any]) -> "RoundConfig":
        """Copy with dotted names set, such as {"pseudo_labels.threshold": 0.7}."""
        values = self.to_dict()
        for name, value in changes.items():
            *sections, last = name.split(".")
            place = values
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = value
        return self.from_dict(values)


def _build(cls: type[T], values: Mapping[str, Any], prefix: str) -> T:
    known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
    arguments = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"unknown setting {prefix + name!r}; known here: {', '.join(sorted(known))}.")
        default = known[name].default
        if dataclasses.is_dataclass(default):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{prefix + name} is {value!r}; it must be a table of settings.")
            value = _build(type(default), value, f"{prefix}{name}.")
        elif not _fits(value, default):
            raise ConfigError(f"{prefix + name} is {value!r}; it must be {type(default).__name__}.")
        arguments[name] = value
    return cls(**arguments)


def _differences(
    values: Mapping[str, Any], usual: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _differences(value, usual[name], f"{prefix}{name}.")
        elif value != usual[name]:
            yield prefix + name, value


def _fits(value: Any, default: Any) -> bool:
    if default is None or value is None:
        return default is None and (value is None or isinstance(value, str))
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


# What differs from the paper's values: `cpu-demo` as measured (docs/MEASURED.md), `single-gpu` as estimated.
PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    "single-gpu": {
        "alignability_encoder.image_encoder": "resnet18",
        "alignability_encoder.size": 112,
        "pretraining.epochs": 50,
        "self_training.alignability_epochs": 50,
        "self_training.action_epochs": 50,
        "self_training.iterations": 5,
    },
    "cpu-demo": {
        "action_encoder.name": "r2plus1d_narrow",
        "fit": "squash",
        "action_encoder.frames": 12,
        "action_encoder.stride": 0,
        "action_encoder.size": 48,
        "alignability_encoder.image_encoder": "convnet",
        "alignability_encoder.frames": 24,
        "alignability_encoder.size": 48,
        "alignability_encoder.width": 16,
        "alignability_encoder.pool": 3,
        "alignability_encoder.hidden": 128,
        "alignability_encoder.model": 128,
        "alignability_encoder.layers": 2,
        "alignability_encoder.heads": 4,
        "alignability_encoder.feedforward": 256,
        "alignability_encoder.embedding": 64,
        "alignability_encoder.feature_views": 4,
        "pretraining.epochs": 8,
        "pretraining.batch_size": 24,
        "alignment.detach_distance": True,
        "pseudo_labels.temperature": 0.03,
        "self_training.alignability_epochs": 100,
        "self_training.action_epochs": 30,
        "self_training.iterations": 1,
        "self_training.batch_size": 48,
        "self_training.least_steps": 2,
        "optimizer.learning_rate": 1e-3,
        "optimizer.warmup_epochs": 1,
        "evaluation.clips": 2,
        "evaluation.crops": 1,
    },
}


def preset(name: str) -> RoundConfig:
    """The named starting point: `paper`, `single-gpu` or `cpu-demo`.

    Raises:
        ConfigError: there is no preset of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return RoundConfig().replace(PRESETS[name])
