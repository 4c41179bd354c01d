"""Settings of the baselines. Free of torch."""

from dataclasses import dataclass

from finepseudo_core.options import Section, option


@dataclass(frozen=True)
class FixMatchConfig(Section):
    """FixMatch (Sohn et al., NeurIPS 2020) on clips."""

    threshold: float = option(0.95, "Least confidence of a label made on the way.", at_least=0, at_most=1)
    unlabelled_weight: float = option(1.0, "λ_u, weight of the unlabelled loss.", at_least=0)
    unlabelled_ratio: int = option(7, "μ, unlabelled clips per labelled clip of a batch.", at_least=1)
    operations: int = option(2, "Operations of RandAugment on the strong view.", at_least=0)
    cutout: float = option(0.5, "Largest side of the hole in the strong view.", at_least=0, at_most=1)
    least_crop: float = option(
        0.5, "[A] Least side of the strong view's crop, as a share of a frame's.", above=0, at_most=1
    )


@dataclass(frozen=True)
class TimeBalanceConfig(Section):
    """TimeBalance (Dave et al., CVPR 2023), reconstructed; pretraining.epochs and batch_size apply too."""

    moments: int = option(4, "[A] Parts of a clip that the teachers tell apart or take as one.", at_least=2)
    temperature: float = option(0.1, "[A] Temperature of both contrastive losses.", above=0)
    projection: int = option(128, "[A] Width of the teachers' projection MLPs.", at_least=2)
    judge: str = option(
        "distinctive",
        "[A] Teacher whose features say how alike the moments of a clip are.",
        choices=("distinctive", "invariant"),
    )
    stretch: bool = option(
        False,
        "[A] Spread the similarities of the data set over [0, 1] before they weigh the teachers; "
        "off weighs by the mean cosine itself.",
    )
    divergence: str = option(
        "l2",
        "[A] What draws the student's probabilities to the teachers'.",
        choices=("l2", "cross_entropy"),
    )
    distillation_weight: float = option(1.0, "[A] Weight of the distillation.", at_least=0)
    unlabelled_ratio: int = option(1, "[A] Unlabelled clips per labelled clip of a batch.", at_least=1)
