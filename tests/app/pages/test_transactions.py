"""No page draws inside a transaction, and a save reads the browser's log before anything else.

A rerun may end a script at any Streamlit call; a save that has one before or inside its transaction is lost.
"""

import ast
import re
from pathlib import Path

import pytest

APP = Path(__file__).parents[3] / "app"
DRAWING = [*sorted((APP / "app_pages").glob("*.py")), *sorted((APP / "views").glob("*.py"))]


def calls(tree: ast.AST) -> list[str]:
    """Dotted names of everything called below a node, in source order."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found.sort(key=lambda node: (node.lineno, node.col_offset))
    return [ast.unparse(node.func) for node in found]


def functions(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a file by name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("path", DRAWING, ids=lambda path: path.stem)
def test_pages_open_no_transaction_of_their_own(path):
    assert not [name for name in calls(ast.parse(path.read_text())) if name.endswith((".write", ".begin"))]


@pytest.mark.parametrize(
    ("page", "name", "record"),
    [
        ("app_pages/review.py", "save", "stock.record"),
        ("views/review_stock.py", "record", "review.record"),
        ("views/clip_detail.py", "decide", "review.record"),
        ("app_pages/compare.py", "save", "phase_marks.record"),
        ("views/browse_bulk.py", "save_looks", "bulk_accept.look"),
    ],
)
def test_saving_calls_nothing_of_streamlit(page, name, record):
    saving = functions(APP / page)[name]
    assert record in calls(saving)
    assert not [call for call in calls(saving) if call.split(".")[0] == "st"]


@pytest.mark.parametrize(
    ("component", "name"), [("clip_review", "received_log"), ("clip_compare", "received_marks")]
)
def test_reading_the_log_has_no_point_at_which_a_rerun_ends_it(component, name):
    reading = functions(APP / "components" / component / "__init__.py")[name]
    streamlit = {call for call in calls(reading) if call.startswith("st.")}
    assert streamlit == {"st.session_state.to_dict", "st.session_state.to_dict().get"}


def test_streamlit_still_reads_its_whole_state_without_yielding():
    # SafeSessionState.filtered_state must not call _yield_callback: `received_log` stands on it.
    from streamlit.runtime.state import SafeSessionState
    from streamlit.runtime.state.session_state import SessionState

    def ends_the_run() -> None:
        raise AssertionError("a rerun would end the callback here")

    state = SafeSessionState(SessionState(), ends_the_run)
    assert state.filtered_state == {}
    with pytest.raises(AssertionError):
        state["anything"]


@pytest.mark.parametrize("path", sorted((APP / "services").glob("*.py")), ids=lambda path: path.stem)
def test_services_do_not_know_streamlit(path):
    assert not re.search(r"(import|from) streamlit|st\.session_state", path.read_text(encoding="utf-8"))
