"""Early decisions are those of the full pass, whatever the evidence; and they take less alignment."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from finepseudo_core.alignment import (
    AlignabilityScore,
    alignability,
    alignability_bounds,
    distances,
    pairwise_soft_dtw,
)
from finepseudo_core.config import PseudoLabelConfig
from finepseudo_core.pseudo_labels import (
    REJECTED,
    Decision,
    Evidence,
    NonparametricClassifier,
    decide,
    decide_early,
    early_decisions,
)
from finepseudo_core.pseudo_labels.early_decisions import probability_bounds

SAVINGS = [(True, True), (True, False), (False, True), (False, False)]
FRAMES, FEATURES = 4, 6


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Several chunks and blocks even for few clips."""
    monkeypatch.setattr(alignability, "CLIPS_AT_ONCE", 5)
    monkeypatch.setattr(early_decisions, "CHUNKS_AT_ONCE", 3)


@dataclasses.dataclass
class Case:
    """Clips and what both encoders think of them; `like` says how alike clips of a class are."""

    seed: int = 0
    number: int = 23
    classes: int = 4
    exemplars: int = 6
    like: float = 1.0
    peak: float = 3.0
    monotone: bool = False
    temperature: float = 0.1
    config: PseudoLabelConfig = dataclasses.field(default_factory=PseudoLabelConfig)

    def __post_init__(self) -> None:
        generator = torch.Generator().manual_seed(self.seed)

        def drawn(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=generator)

        prototypes = drawn(self.classes, FRAMES, FEATURES) * self.like
        self.gallery_classes = torch.arange(self.classes).repeat(self.exemplars)
        self.gallery = prototypes[self.gallery_classes] + drawn(len(self.gallery_classes), FRAMES, FEATURES)
        labels = torch.randint(self.classes, (self.number,), generator=generator)
        self.embeddings = prototypes[labels] + drawn(self.number, FRAMES, FEATURES)
        hints = torch.nn.functional.one_hot(labels, self.classes) * self.peak
        self.action = torch.softmax(hints + drawn(self.number, self.classes), 1).numpy()
        torch.manual_seed(self.seed)
        self.score = AlignabilityScore(8, monotone=self.monotone)
        with torch.no_grad():
            self.score.inner.weight.copy_(torch.linspace(0.5, 1.5, 8)[:, None])
            self.score.inner.bias.copy_(self.score.inner.weight[:, 0])  # a deviation below the mean
            self.score.outer.weight.fill_(0.4 if self.monotone else -0.8)
            self.score.outer.bias.fill_(3.0)
        self.score(pairwise_soft_dtw(self.gallery, self.gallery, 0.01), FRAMES)

    def classifier(self) -> NonparametricClassifier:
        return NonparametricClassifier(
            self.gallery, self.gallery_classes, self.classes, self.score,
            gamma=0.01, temperature=self.temperature,
        )  # fmt: skip

    def full(self) -> Decision:
        found = self.classifier().predict(self.embeddings)
        scores = found.alignability.scores.numpy()
        return decide(Evidence(self.action, found.probabilities.numpy(), scores), self.config)

    def check(self, savings: list[tuple[bool, bool]] = SAVINGS) -> np.ndarray:
        decision = self.full()
        expected = np.where(decision.accepted, decision.labels, REJECTED)
        for gate, progressive in savings:
            found = decide_early(
                self.embeddings, self.action, self.classifier(), self.config,
                gate=gate, progressive=progressive,
            )  # fmt: skip
            assert found.labels.tolist() == expected.tolist(), (gate, progressive)
            assert found.possible == len(self.embeddings) * len(self.gallery)
        return expected

    def at_thresholds_of_its_own(self) -> None:
        """Put θ at and just beside what a few of the clips reach."""
        scale = 2 if self.config.combine == "sum" else 1
        for value in (self.full().confidence[:4] * scale).astype(np.float64).tolist():
            for threshold in (value, np.nextafter(value, 0), np.nextafter(value, 2), value - 6e-8):
                if 0 <= threshold <= 1:
                    self.config = dataclasses.replace(self.config, threshold=float(threshold))
                    self.check()


def settings_of(threshold: float = 0.6, combine: str = "mean") -> PseudoLabelConfig:
    return PseudoLabelConfig(threshold=threshold, combine=combine)


cases = some.builds(
    Case,
    seed=some.integers(0, 100_000),
    number=some.integers(1, 24),
    classes=some.integers(1, 7),
    exemplars=some.integers(1, 16),
    like=some.sampled_from([0.0, 0.5, 2.0, 10.0]),
    peak=some.sampled_from([0.0, 2.0, 5.0, 40.0]),
    monotone=some.booleans(),
    temperature=some.sampled_from([1e-6, 1e-3, 0.02, 0.1, 0.5, 1e6]),
    config=some.builds(
        settings_of,
        threshold=some.floats(0, 1) | some.sampled_from([0.0, 0.5, 0.6, 1.0]),
        combine=some.sampled_from(["mean", "sum"]),
    ),
)


@given(cases)
@settings(max_examples=120, deadline=None)
def test_decisions_are_those_of_the_full_pass(case):
    case.check()


@given(cases)
@settings(max_examples=25, deadline=None)
def test_a_threshold_that_a_clip_just_meets_or_misses_changes_nothing(case):
    case.at_thresholds_of_its_own()


@given(cases, some.lists(some.integers(0, 111), max_size=30))
@settings(max_examples=40, deadline=None)
def test_classes_with_few_or_no_exemplars(case, dropped):
    kept = torch.ones(len(case.gallery), dtype=torch.bool)
    kept[[place for place in dropped if place < len(kept)]] = False
    if case.classes > 1:
        kept &= case.gallery_classes != 0
    case.gallery, case.gallery_classes = case.gallery[kept], case.gallery_classes[kept]
    case.check()


@pytest.mark.parametrize("combine", ["mean", "sum"])
@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 0.6, 0.75, 1.0])
class TestAdversarialEvidence:
    def test_p_e_alike_for_all_classes(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.action = np.full_like(case.action, 0.25)
        case.check()

    def test_p_e_at_and_beside_what_leaves_a_class_room(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine), like=10.0)
        edge = np.float32(max(0.0, 2 * threshold - 1 if combine == "mean" else threshold - 1))
        edges = [edge, np.nextafter(edge, np.float32(2)), np.nextafter(edge, np.float32(-1)), 1 - edge]
        case.action = np.array([np.roll(edges, turn) for turn in range(case.number)], np.float32).clip(0, 1)
        case.check()

    def test_p_e_of_one_and_nought(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.action = np.eye(4, dtype=np.float32)[np.arange(case.number) % 4]
        case.check()
        case.action = case.action.astype(np.float64)
        case.check()

    def test_all_exemplars_identical_so_that_all_classes_tie(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.gallery = case.gallery[:1].expand_as(case.gallery).clone()
        case.check()
        case.action = np.full_like(case.action, 0.25)
        case.check()

    def test_two_classes_with_the_same_exemplars_and_the_same_p_e(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine), like=10.0)
        ones, twos = case.gallery_classes == 1, case.gallery_classes == 2
        case.gallery[ones] = case.gallery[twos]
        case.action[:, 1] = case.action[:, 2]
        case.check()

    def test_identical_clips(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.embeddings = case.embeddings[:1].expand_as(case.embeddings).clone()
        case.action = case.action[:1].repeat(case.number, 0)
        case.check()

    def test_clips_that_are_exemplars(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.embeddings = case.gallery[: case.number].clone()
        case.check()

    @pytest.mark.parametrize("logit", [-1000.0, -20.0, 20.0, 1000.0])
    def test_saturated_scores(self, threshold, combine, logit):
        case = Case(config=settings_of(threshold, combine))
        case.score.outer.bias.data.fill_(logit)
        case.check()

    @pytest.mark.parametrize("steepness", [1e-6, 1e6])
    def test_a_flat_score_and_one_that_jumps(self, threshold, combine, steepness):
        case = Case(config=settings_of(threshold, combine))
        case.score.outer.weight.data.mul_(steepness)
        case.score.outer.bias.data.mul_(steepness)
        case.check()

    def test_one_class(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine), classes=1)
        assert (case.check() == 0).all() == (threshold < 1 or combine == "sum")

    def test_one_exemplar_in_all(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine), exemplars=1)
        case.gallery, case.gallery_classes = case.gallery[2:3], case.gallery_classes[2:3]
        case.check()

    def test_no_exemplars(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.gallery, case.gallery_classes = case.gallery[:0], case.gallery_classes[:0]
        case.check()

    def test_embeddings_that_do_not_lie_in_one_piece(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.embeddings = case.embeddings.permute(2, 1, 0).contiguous().permute(2, 1, 0)
        case.gallery = case.gallery.permute(1, 2, 0).contiguous().permute(2, 0, 1)
        case.check()

    def test_half_precision(self, threshold, combine):
        case = Case(config=settings_of(threshold, combine))
        case.embeddings, case.gallery = case.embeddings.bfloat16(), case.gallery.half().float()
        case.check([(True, True)])


@pytest.mark.parametrize("direction", ["up", "down", "either"])
@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_distances_that_drift_from_block_to_block_change_no_decision(monkeypatch, direction, combine):
    """As on a GPU, and as badly as the bound allows: 0.01 where float32 errs by 1e-6."""
    drift, generator = 0.01, torch.Generator().manual_seed(0)

    def drifting(first: torch.Tensor, second: torch.Tensor, gamma: float) -> torch.Tensor:
        distances = pairwise_soft_dtw(first, second, gamma)
        sign = {"up": 1.0, "down": -1.0}.get(direction)
        moves = torch.rand(distances.shape, generator=generator) * 2 - 1 if sign is None else sign
        return distances + drift * moves

    monkeypatch.setattr(alignability_bounds, "pairwise_soft_dtw", drifting)
    monkeypatch.setattr(alignability_bounds, "distance_drift", lambda *_: drift + 1e-5)
    for seed in range(12):
        case = Case(seed=seed, like=(0.5, 1.5)[seed % 2], config=settings_of(0.6, combine))
        case.check([(True, True), (False, True), (True, False)])
    case.at_thresholds_of_its_own()


@given(
    some.integers(0, 100_000),
    some.integers(1, 9),
    some.sampled_from([1e-6, 1e-3, 0.1, 1.0, 1e6]),
    some.sampled_from([0.0, 1e-7, 0.01, 1.0]),
)
@settings(max_examples=100, deadline=None)
def test_probability_bounds_hold_the_softmax_of_scores_within(seed, classes, temperature, width):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(20, classes, generator=generator)
    scores[::3] = scores[::3].round()
    below, above = (
        scores.double() + sign * width * torch.rand(20, classes, generator=generator) for sign in (-1, 1)
    )
    least, most = probability_bounds(below, above, temperature)
    found = torch.softmax(scores / temperature, 1).double()
    assert (least <= found + 1e-30).all()
    assert (found <= most + 1e-30).all()
    if width == 0:
        torch.testing.assert_close(least, most, atol=8e-6 if temperature >= 0.1 else 1.0, rtol=0)


def peaked() -> Case:
    """Twenty classes; f_E is sure of some clips, lost on others, and often wrong."""
    case = Case(number=200, classes=20, exemplars=15, like=6.0, peak=5.0)
    sure = np.linspace(0, 1, 200, dtype=np.float32)[:, None]
    case.action = sure * case.action + (1 - sure) / 20
    case.action[::3] = np.roll(case.action[::3], 1, 1)
    return case


def test_the_savings_are_real(monkeypatch):
    monkeypatch.setattr(alignability, "CLIPS_AT_ONCE", 64)
    case = peaked()
    expected = case.check()
    assert 20 < (expected != REJECTED).sum() < 180
    shares = {}
    for gate, progressive in SAVINGS:
        found = decide_early(
            case.embeddings, case.action, case.classifier(), case.config, gate=gate, progressive=progressive
        )
        shares[gate, progressive] = found.pairs / found.possible
    print("share of the pairs (gate, progressive):", shares)
    assert shares[False, False] == 1
    assert shares[True, True] < min(shares[True, False], shares[False, True]) - 0.05
    assert shares[True, True] < 0.55


def test_a_clip_that_p_e_leaves_no_class_room_for_is_rejected_without_alignment(monkeypatch):
    case = peaked()
    case.action = np.full_like(case.action, 0.05)

    def never(*_: object) -> None:
        raise AssertionError("a pair was aligned")

    monkeypatch.setattr(alignability_bounds, "pairwise_soft_dtw", never)
    monkeypatch.setattr(distances, "pairwise_soft_dtw", never)
    found = decide_early(case.embeddings, case.action, case.classifier(), case.config)
    assert (found.labels == REJECTED).all()
    assert found.pairs == 0


def test_only_the_chunks_of_open_clips_are_worked_out_in_full():
    case = Case(number=30, classes=2, exemplars=2)
    case.action = np.tile(np.array([[1.0, 0.0]], np.float32), (30, 1))
    case.action[12] = 0.5  # exactly at the threshold that follows, whatever the alignability
    case.gallery[case.gallery_classes == 0] = case.gallery[case.gallery_classes == 1]
    case.config = settings_of(0.5)
    found = decide_early(case.embeddings, case.action, case.classifier(), case.config)
    assert found.labels[12] == REJECTED
    assert found.labels.sum() == REJECTED
    compared = 30 * 4  # at most, before the tie is left to the chunk of five
    assert 5 * 4 <= found.pairs <= compared + 5 * 4
    case.check()


def test_no_clips_give_no_labels():
    case = Case()
    found = decide_early(case.embeddings[:0], case.action[:0], case.classifier(), case.config)
    assert (len(found.labels), found.pairs, found.possible) == (0, 0, 0)


def test_what_does_not_fit_is_refused():
    case = Case()
    with pytest.raises(ValueError, match="only `collaborative`"):
        decide_early(
            case.embeddings, case.action, case.classifier(), PseudoLabelConfig(strategy="confidence")
        )
    with pytest.raises(ValueError, match=r"p_E has shape \(22, 4\)"):
        decide_early(case.embeddings, case.action[1:], case.classifier(), case.config)
    case.action[3, 1] = np.nan
    with pytest.raises(ValueError, match="p_E holds values"):
        decide_early(case.embeddings, case.action, case.classifier(), case.config)
    case = Case()
    case.embeddings[7, 0, 0] = torch.inf
    case.action[:] = 0.25  # no comparison would be needed
    with pytest.raises(ValueError, match=r"embeddings\[7\]"):
        decide_early(case.embeddings, case.action, case.classifier(), case.config)
