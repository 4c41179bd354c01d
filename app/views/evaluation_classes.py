"""How well each class is told, and what is taken for what; both lead to the clips."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app.components.clip_grid import clip_grid
from app.resources import Visit
from app.services import evaluation
from app.services.evaluation import ClassScore, Confusion, RoundScore
from app.views.cards import plain
from app.views.clip_cards import grid_card
from app.views.evaluation_figures import WITH_NAMES, class_bars, confusion_heatmap
from app.views.share_words import counted, out_of_ten
from app.views.tables import table_height

WORST = 20  # classes shown before any search
LISTED = 200  # mix-ups in the table
SHOWN = 24  # clips
SIDES = {"test": "Test clips", "accepted": "Accepted proposals"}


def draw_classes(guest: Visit, score: RoundScore) -> None:
    """A bar for each class, the worst first; the others are found by name."""
    rows = evaluation.by_class(evaluation.confusion(guest.studio, score.card.id))
    if not rows:
        st.info(_no_test_clips(score))
        return
    with st.container(key="card_classes"):
        head, search = st.columns([6, 4], vertical_alignment="center")
        head.markdown("#### Test clips told right, by class")
        wanted = ""
        if len(rows) > WORST:
            wanted = search.text_input(
                "Find a class",
                key="class_search",
                placeholder=f"find one of {len(rows)} classes",
                label_visibility="collapsed",
            )
        st.markdown(classes_sentence(rows, score.number))
        found = [row for row in rows if all(part in row.name.lower() for part in wanted.lower().split())]
        if not found:
            st.info("No class with test clips is called so.")
            return
        picked = st.plotly_chart(
            class_bars(found[:WORST]),
            key=f"classes_{score.card.id}_{wanted}",
            on_select="rerun",
            selection_mode="points",
            config={"displayModeBar": False},
            alt="Share of the test clips of each class that are told right, the worst class first",
        )
        rest = len(found) - WORST
        st.caption(
            "The thin line is where the true share lies in 95 of 100 such counts; it is long where a class "
            "has few test clips. Click a row to open the class."
            + (f" {counted(rest, 'more class', 'more classes')}: find them by name." if rest > 0 else "")
        )
    points = picked["selection"]["points"]
    chosen = points[0].get("customdata") if points else None
    if chosen:
        st.switch_page("app_pages/classes.py", query_params={"class": str(int(chosen[0]))})


def classes_sentence(rows: Sequence[ClassScore], number: int) -> str:
    """The worst class, and how many are hard."""
    worst = rows[0]
    if worst.right.right == worst.right.of:
        return f"Round {number} tells every test clip of all {counted(len(rows), 'class', 'classes')} right."
    hard = sum(row.right.value < 0.5 for row in rows)
    words = f"Hardest is **{plain(worst.name)}**: {worst.right.right} of its {worst.right.of} test clips are "
    words += "told right"
    words += f", most often it is taken for {plain(worst.taken_for)}. " if worst.taken_for else ". "
    return words + (
        f"{counted(hard, 'class is', 'classes are')} told right in less than half of their clips."
        if hard
        else "Every class is told right in at least half of its clips."
    )


def draw_confusion(guest: Visit, score: RoundScore) -> None:
    """Map of what is taken for what, the largest mix-ups, and their clips."""
    side = st.segmented_control(
        "Which clips", list(SIDES), default="test", key="side", required=True,
        format_func=SIDES.__getitem__, label_visibility="collapsed",
    )  # fmt: skip
    on_test = side == "test"
    found = evaluation.confusion(guest.studio, score.card.id, on_test=on_test)
    if found.right is None:
        st.info(
            _no_test_clips(score)
            if on_test
            else "None of the clips that the round accepted a label for has a known class yet. Review some "
            "of them, or import labels that are held back for measuring."
        )
        return
    map_, pairs = st.columns([6, 5], gap="medium")
    with map_, st.container(key="card_confusion"):
        st.markdown(confusion_sentence(found))
        size = len(found.names)
        st.plotly_chart(
            confusion_heatmap(found, max(340, min(600, 26 * size + 100))),
            key=f"confusion_{score.card.id}_{side}",
            config={"displayModeBar": False, "scrollZoom": size > WITH_NAMES},
            alt="Of the clips of each class, the share that the round says is each class",
        )
        st.caption(
            "Rows are what the clips are, columns, by the same numbers, what the round says; on the diagonal "
            "it is right. Classes that are mixed up stand side by side. Drag a box to zoom in, double-click "
            "to zoom out." + (" Orange marks are mix-ups." if size > WITH_NAMES else "")
        )
    with pairs, st.container(key="card_mix_ups"):
        said_id, is_id = _draw_pairs(found, f"{score.card.id}_{side}")
    if said_id and is_id:
        _draw_clips(guest, score, found, said_id, is_id, on_test=on_test)


def confusion_sentence(found: Confusion) -> str:
    """How many are right, and the most frequent mix-up."""
    assert found.right is not None
    words = f"**{out_of_ten(found.right).capitalize()}** clips are told right."
    if not found.mix_ups:
        return words
    most = found.mix_ups[0]
    return (
        f"{words} The most frequent mix-up: **{plain(most.is_name)}** is taken for **{plain(most.said)}** "
        f"({counted(most.clips, 'clip')})."
    )


def _draw_pairs(found: Confusion, key: str) -> tuple[int | None, int | None]:
    """Two lists to choose from and the table of mix-ups, where a click chooses too."""
    names = dict(sorted(zip(found.class_ids, found.names, strict=True), key=lambda one: one[1]))
    listed = found.mix_ups[:LISTED]
    table, really, taken = f"mix_ups_{key}", f"really_{key}", f"taken_{key}"

    def choose() -> None:
        state = st.session_state.to_dict()
        rows = state[table]["selection"]["rows"]
        if rows and rows[0] < len(listed):
            st.session_state[really] = listed[rows[0]].is_id
            st.session_state[taken] = listed[rows[0]].said_id

    one, other = st.columns(2)
    is_id = _draw_class_choice(one, "Really", names, really)
    said_id = _draw_class_choice(other, "Taken for", names, taken)
    if listed:
        st.dataframe(
            {
                "Clips": [mixed.clips for mixed in listed],
                "Really": [mixed.is_name for mixed in listed],
                "Taken for": [mixed.said for mixed in listed],
            },
            key=table,
            hide_index=True,
            height=table_height(len(listed)),
            on_select=choose,
            selection_mode="single-row",
            column_config={"Clips": st.column_config.NumberColumn(width=50)},
        )
        st.caption("The most frequent mix-ups. Choose a row, or two classes above, to see the clips.")
    else:
        st.caption("Nothing is mixed up. Choose a class twice to see its clips.")
    return said_id, is_id


def _draw_class_choice(place: st.delta_generator.DeltaGenerator, label: str, names: Mapping[int, str],
                       key: str) -> int | None:  # fmt: skip
    return place.selectbox(
        label, list(names), index=None, key=key, format_func=lambda class_id: names[class_id],
        placeholder="choose a class",
    )  # fmt: skip


def _draw_clips(guest: Visit, score: RoundScore, found: Confusion, said_id: int, is_id: int, *,
                on_test: bool) -> None:  # fmt: skip
    names = dict(zip(found.class_ids, found.names, strict=True))
    clips, total = evaluation.confused_clips(
        guest.studio, score.card.id, said_id, is_id, on_test=on_test, limit=SHOWN
    )
    head, act = st.columns([7, 2], vertical_alignment="center")
    verb = "told right as" if said_id == is_id else f"that are {plain(names[is_id])}, taken for"
    head.markdown(f"#### {counted(total, 'clip')} {verb} {plain(names[said_id])}")
    if on_test and score.card.active and total:
        act.page_link(
            "app_pages/browse.py",
            label="All of them in Browse",
            query_params={"tested": str(said_id), "is": str(is_id)},
        )
    if not clips:
        st.caption("There are none in this round.")
        return
    cards = [grid_card(guest, clip) for clip in clips]
    opened = clip_grid(cards, key=f"confused_{score.card.id}_{on_test}_{said_id}_{is_id}", least_width=150)
    if opened is not None:
        st.switch_page("app_pages/browse.py", query_params={"clip": str(opened)})
    if total > len(clips):
        st.caption(f"The first {len(clips)} of {total:,}.")


def _no_test_clips(score: RoundScore) -> str:
    return (
        f"Round {score.number} has no predictions on test clips. Test clips come with an import that keeps a "
        "share of its labels for testing; the next round is measured on them."
    )
