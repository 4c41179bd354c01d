"""Classes as the review screen's search takes them: names, attributes, and the questions that find one."""

from functools import lru_cache
from typing import Any

from app.services import class_attributes
from app.services.class_questions import Question, question_tree
from app.services.studio import Studio


def class_search(studio: Studio) -> dict[str, Any]:
    """`classes` as [id, name, attributes] and `questions` as {ask, then: [[answer, the question after
    it, or None]]}, or None without any."""
    known = class_attributes.with_names(studio)
    frozen = tuple((class_id, tuple(values.items())) for class_id, _, values in known)
    return {"classes": [list(entry) for entry in known], "questions": _questions(frozen)}


@lru_cache(maxsize=4)
def _questions(known: tuple[tuple[int, tuple[tuple[str, str], ...]], ...]) -> dict[str, Any] | None:
    return _plain(question_tree({class_id: dict(values) for class_id, values in known}))


def _plain(question: Question | None) -> dict[str, Any] | None:
    if question is None:
        return None
    return {
        "ask": question.attribute,
        "then": [[value, _plain(after)] for value, after in question.answers.items()],
    }
