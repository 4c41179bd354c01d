"""The questions that find a class: by its attributes, the one that tells most first."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.services.class_attributes import Attributes, names_of


@dataclass(frozen=True)
class Question:
    """Ask for an attribute.

    Args:
        attribute: what to ask for.
        answers: every value there is -> the question after it, None where nothing is left to ask.
    """

    attribute: str
    answers: Mapping[str, "Question | None"]


def question_tree(known: Attributes) -> Question | None:
    """The questions that lead from all classes to one, the most telling first; None where none tells.

    At each step the attribute with the largest information gain is asked for, every class being as likely as
    another: the usual greedy way to a short tree. A class that lacks an attribute is left whatever the answer
    is, so that nothing unsaid ever hides a class.

    Args:
        known: class id -> attribute -> value.
    """
    return _ask(known, frozenset(known), frozenset(names_of(known)))


def left(known: Attributes, answers: Mapping[str, str]) -> frozenset[int]:
    """The classes that these answers leave: attribute -> value; a class without the attribute stays."""
    return frozenset(
        class_id
        for class_id, values in known.items()
        if all(values.get(name, value) == value for name, value in answers.items())
    )


def most_questions(tree: Question | None) -> int:
    """How many questions the longest way through a tree asks."""
    return 0 if tree is None else 1 + max(map(most_questions, tree.answers.values()))


def alike(known: Attributes) -> tuple[tuple[int, ...], ...]:
    """Groups of classes that no question tells apart, those without any attribute left out."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for class_id, values in known.items():
        if values:
            groups.setdefault(tuple(sorted(values.items())), []).append(class_id)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def gain(known: Attributes, classes: Collection[int], attribute: str) -> float:
    """Information gain in bits of asking for an attribute, over classes as likely as one another.

    log2 N - mean over answers of log2 of the classes that each leaves; a class without the attribute gives
    every answer alike.
    """
    counts = Counter(known[class_id][attribute] for class_id in classes if attribute in known[class_id])
    silent = len(classes) - sum(counts.values())
    if len(counts) < 2:
        return 0.0
    spread = silent / len(counts)
    rest = sum((count + spread) / len(classes) * math.log2(count + silent) for count in counts.values())
    return math.log2(len(classes)) - rest


def _ask(known: Attributes, classes: frozenset[int], attributes: frozenset[str]) -> Question | None:
    gains = {name: gain(known, classes, name) for name in attributes}
    best = min(gains, key=lambda name: (-gains[name], name), default=None)
    if best is None or gains[best] <= 1e-9:
        return None
    values = sorted({known[class_id][best] for class_id in classes if best in known[class_id]}, key=_natural)
    return Question(
        best,
        {
            value: _ask(
                known,
                frozenset(class_id for class_id in classes if known[class_id].get(best, value) == value),
                attributes - {best},
            )
            for value in values
        },
    )


def _natural(value: str) -> tuple[float, str]:
    """Numbers by their size, before other values."""
    try:
        return float(value.replace("½", ".5").replace(",", ".")), value
    except ValueError:
        return math.inf, value.casefold()
