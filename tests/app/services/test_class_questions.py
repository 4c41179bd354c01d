"""Questions that find a class: the most telling first, and nothing unsaid hides a class."""

import itertools
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.services import class_attributes, class_changes, users
from app.services.class_questions import Question, alike, gain, left, most_questions, question_tree
from app.services.studio import StudioError
from tests.db.rows import add_clips

DIVES = {
    number: {"takeoff": takeoff, "twists": twists, "position": position}
    for number, (takeoff, twists, position) in enumerate(
        itertools.product(("forward", "back"), ("0", "½", "1", "10"), ("pike", "tuck"))
    )
}
ATTRIBUTES = some.dictionaries(
    some.integers(0, 30),
    some.dictionaries(some.sampled_from("abcd"), some.sampled_from("xyz"), max_size=4),
    max_size=14,
)


def ends(tree: Question | None, answers: dict[str, str]) -> list[dict[str, str]]:
    """The answers on every way through a tree."""
    if tree is None:
        return [answers]
    return [
        end
        for value, after in tree.answers.items()
        for end in ends(after, {**answers, tree.attribute: value})
    ]


def test_the_most_telling_question_comes_first_with_numbers_by_size():
    tree = question_tree(DIVES)
    assert tree.attribute == "twists"
    assert list(tree.answers) == ["0", "½", "1", "10"]
    assert most_questions(tree) == 3
    assert all(len(left(DIVES, answers)) == 1 for answers in ends(tree, {}))


def test_the_gain_is_the_entropy_that_an_answer_takes_away():
    assert gain(DIVES, DIVES, "twists") == pytest.approx(2.0)
    assert gain(DIVES, DIVES, "takeoff") == pytest.approx(1.0)
    uneven = {0: {"a": "x"}, 1: {"a": "x"}, 2: {"a": "x"}, 3: {"a": "y"}}
    assert gain(uneven, uneven, "a") == pytest.approx(2 - 0.75 * math.log2(3))
    silent = {0: {"a": "x"}, 1: {"a": "y"}, 2: {}}  # the third is left after either answer
    assert gain(silent, silent, "a") == pytest.approx(math.log2(3) - 1)


def test_what_tells_nothing_is_never_asked():
    assert question_tree({}) is None
    assert question_tree({1: {}, 2: {}}) is None
    assert question_tree({1: {"a": "x"}, 2: {"a": "x"}}) is None
    after = {1: {"a": "x", "b": "u"}, 2: {"a": "x", "b": "u"}, 3: {"a": "y", "b": "v"}}
    assert most_questions(question_tree(after)) == 1
    assert alike(after) == ((1, 2),)


@given(ATTRIBUTES)
def test_whoever_answers_truly_keeps_the_class_and_loses_all_that_differ(known):
    tree = question_tree(known)
    for class_id, values in known.items():
        node, answers = tree, {}
        while node is not None and node.attribute in values:
            answers[node.attribute] = values[node.attribute]
            node = node.answers[values[node.attribute]]
        assert class_id in left(known, answers)
        if node is None:
            for other in left(known, answers) - {class_id}:
                shared = set(values) & set(known[other])
                assert all(values[name] == known[other][name] for name in shared) or shared - set(answers)
    asked = [set(answers) for answers in ends(tree, {})]
    assert all(len(names) <= 4 for names in asked)


@pytest.fixture
def owner(studio) -> int:
    """An admin, in a project with the classes dive, fall and jump."""
    with studio.database.write() as session:
        add_clips(session, 3)
    return users.create(studio, "olga", "admin")[0].id


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_pasted_table_sets_what_it_lists(studio, owner, separator):
    text = "\ufeffClass,takeoff,twists\nDIVE,forward,½\n\njump,back\n".replace(",", separator)
    read = class_attributes.read_csv(studio, text)
    assert read == {1: {"takeoff": "forward", "twists": "½"}, 3: {"takeoff": "back"}}
    class_changes.set_attributes(studio, owner, read, str(uuid.uuid4()))
    assert class_attributes.attributes(studio) == {**read, 2: {}}
    assert class_attributes.names_of(class_attributes.attributes(studio)) == ("takeoff", "twists")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("class,a", "at least one class"),
        ("takeoff,class\nforward,dive", "it must be called class"),
        ("class,a,A\ndive,1,2", "a name of its own"),
        ("class,a\nswim,1", "Line 2: there is no class 'swim'"),
        ("class,a\ndive,1\nDive,2", "Line 3: 'Dive' is listed twice"),
        ("class,a\ndive,1,2", "Line 2 has 3 cells for 2 columns"),
        (f"class,a\ndive,{'x' * 61}", "visible characters"),
        ("class," + ",".join(f"a{n}" for n in range(21)) + "\ndive" + ",1" * 21, "at most 20"),
    ],
)
def test_a_table_that_can_not_be_read_says_why(studio, owner, text, why):
    with pytest.raises(StudioError, match=why):
        class_attributes.read_csv(studio, text)
