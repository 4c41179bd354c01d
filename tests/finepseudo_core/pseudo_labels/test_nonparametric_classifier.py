"""The gallery, and the classifier over it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finepseudo_core.alignment import AlignabilityScore, class_alignability
from finepseudo_core.pseudo_labels import NonparametricClassifier, draw_gallery

LABELS = {f"clip{number:02}": "dive" if number % 3 else "turn" for number in range(40)}
CLASSES = ("turn", "dive", "roll")


@given(seed=st.integers(0, 1000), most=st.integers(1, 40))
def test_a_class_has_its_own_clips_and_no_more_than_asked(seed, most):
    gallery = draw_gallery(LABELS, CLASSES, most=most, seed=seed)
    assert tuple(gallery) == CLASSES
    for name, keys in gallery.items():
        assert len(keys) == len(set(keys)) == min(most, sum(label == name for label in LABELS.values()))
        assert all(LABELS[key] == name for key in keys)


def test_the_draw_depends_on_the_seed_and_the_class_alone():
    gallery = draw_gallery(LABELS, CLASSES, most=5, seed=3)
    turned = dict(reversed(LABELS.items()))
    assert draw_gallery(turned, CLASSES, most=5, seed=3) == gallery
    assert draw_gallery(LABELS, ("dive",), most=5, seed=3)["dive"] == gallery["dive"]
    assert draw_gallery(LABELS, CLASSES, most=5, seed=4) != gallery


def test_a_class_with_pinned_clips_has_those_alone():
    pinned = {"dive": ["clip04", "clip01", "clip04"]}
    gallery = draw_gallery(LABELS, CLASSES, most=5, pinned=pinned)
    assert gallery["dive"] == ("clip04", "clip01")
    assert len(gallery["turn"]) == 5
    assert draw_gallery(LABELS, CLASSES, most=1, pinned=pinned)["dive"] == ("clip04",)


def test_banned_clips_are_never_drawn():
    banned = {key for key, label in LABELS.items() if label == "dive"} - {"clip01"}
    assert draw_gallery(LABELS, CLASSES, banned=banned)["dive"] == ("clip01",)


@pytest.mark.parametrize(
    ("pinned", "banned", "message"),
    [
        ({"dive": ["clip01"]}, {"clip01"}, "both pinned"),
        ({"dive": ["clip03"]}, (), "labelled 'turn'"),
        ({"dive": ["clip99"]}, (), "labelled None"),
    ],
)
def test_pins_that_can_not_be_honoured_are_refused(pinned, banned, message):
    with pytest.raises(ValueError, match=message):
        draw_gallery(LABELS, CLASSES, pinned=pinned, banned=banned)


def test_probabilities_are_the_softmax_of_the_class_scores():
    torch.manual_seed(0)
    gallery, classes, clips = torch.randn(5, 4, 6), torch.tensor([0, 1, 1, 2, 0]), torch.randn(3, 4, 6)
    score = AlignabilityScore()
    found = NonparametricClassifier(gallery, classes, 3, score, gamma=0.01, temperature=0.2).predict(
        clips, nearest=2
    )
    expected = class_alignability(clips, gallery, classes, 3, score, 0.01, nearest=2)
    torch.testing.assert_close(found.probabilities, torch.softmax(expected.scores / 0.2, dim=1))
    assert torch.equal(found.alignability.nearest, expected.nearest)
    with pytest.raises(ValueError, match="temperature is 0"):
        NonparametricClassifier(gallery, classes, 3, score, temperature=0)


def test_a_clip_is_given_the_class_it_aligns_with():
    torch.manual_seed(0)
    phases = torch.randn(3, 4, 16)  # three actions of four moments each
    gallery = phases[:, [0, 0, 1, 2, 3, 3]]
    clips = phases[[2, 0, 1]][:, [0, 1, 1, 2, 2, 3]]  # the same moments at another pace
    score = AlignabilityScore(monotone=True)
    score(torch.linspace(0, 6, 50), 6)
    found = NonparametricClassifier(gallery, torch.arange(3), 3, score).predict(clips)
    assert found.probabilities.argmax(1).tolist() == [2, 0, 1]
