"""One class: its exemplars, its rivals, what it is taken for, and the newest verdicts on it."""

from collections.abc import Sequence

import streamlit as st

from app.components.clip_grid import clip_grid, pressed_action
from app.resources import Visit
from app.services import class_cards, class_exemplars
from app.services.alignabilities import Alignabilities
from app.services.class_cards import ClassCard, Mixed
from app.services.class_exemplars import Exemplar
from app.views.cards import ago, draw_tiles, plain
from app.views.class_changes import attempt
from app.views.class_figures import rival_bars
from app.views.clip_cards import DECISIONS, grid_card

SHOWN = 24
RIVALS = 6
PAIRS = 8


def draw_head(card: ClassCard) -> None:
    """Name, attributes, counts."""
    st.markdown(f"### {plain(card.name)}")
    badges = [f":gray-badge[{plain(name)}: {plain(value)}]" for name, value in card.attributes.items()]
    badges += [f":blue-badge[merged: {plain(name)}]" for name in card.merged]
    if badges:
        st.markdown(" ".join(badges))
    own = "–" if card.alignability is None else f"{card.alignability:.2f}"
    rival = card.rivals[0] if card.rivals else None
    draw_tiles(
        [
            ("Labelled", f"{card.labelled:,}", "training clips, by people"),
            ("Accepted", f"{card.accepted:,}", "proposals nobody has decided on"),
            ("Waiting", f"{card.waiting:,}", "proposals to decide on"),
            ("Test", f"{card.test}", "clips kept for testing"),
            (
                "Aligns with itself",
                own,
                f"mean of {card.measured_on} clips" if card.measured_on else "not measured",
            ),
            (
                "Nearest rival",
                f"{rival.score:.2f}" if rival else "–",
                rival.name if rival else "not measured",
            ),
        ]
    )


def draw_exemplars(guest: Visit, card: ClassCard) -> None:
    """Clips that stand for the class, each with a way to pin and to ban it."""
    found, total = class_exemplars.of_class(guest.studio, card.id, limit=SHOWN)
    st.markdown("#### Examples")
    if not found:
        st.caption("No clip is labelled with this class yet. Label some in Review or on the Browse page.")
        return
    pins = sum(one.choice == "pinned" for one in found)
    st.caption(
        f"The next round compares clips with the {'one' if pins == 1 else pins} you pinned, and no others."
        if pins
        else "The next round draws its examples from these at random. Pin some, and it uses those alone; "
        "ban one, and it is never drawn."
    )
    key = f"exemplars_{card.id}"

    def choose() -> None:
        pressed = pressed_action(key)
        if pressed:
            clip_id, action = pressed
            now = next((one.choice for one in found if one.clip.id == clip_id), None)
            wanted = None if action == now else action
            attempt(class_exemplars.choose, guest.studio, guest.user.id, card.id, clip_id, wanted)

    opened = clip_grid(
        [_exemplar_card(guest, one) for one in found], key=key, least_width=128, on_pressed=choose
    )
    if opened is not None:
        st.switch_page("app_pages/browse.py", query_params={"clip": str(opened)})
    if total > len(found):
        st.caption(f"{total - len(found)} more labelled clips are on the Browse page.")
        if st.button("Show all in Browse", key="all_labelled", type="tertiary"):
            st.switch_page("app_pages/browse.py", query_params={"is": str(card.id)})


def _exemplar_card(guest: Visit, one: Exemplar) -> dict[str, object]:
    words = {"pinned": "★ pinned", "banned": "⊘ banned"}.get(one.choice or "", "")
    words = words or ("◆ used in this round" if one.used else "")
    note = one.clip.key if one.stands else f"{one.clip.key}, labelled otherwise by now: no effect"
    note += f", by {one.by}" if one.by else ""
    return {
        **grid_card(guest, one.clip, title=one.clip.label_name or "no label", note=note),
        "badge": words or None,
        "tone": "good" if one.choice == "pinned" or (one.used and one.choice is None) else "",
        "actions": [
            ["pinned", "Unpin" if one.choice == "pinned" else "Pin", one.choice == "pinned"],
            ["banned", "Lift ban" if one.choice == "banned" else "Ban", one.choice == "banned"],
        ],
    }


def draw_rivals(card: ClassCard, cards: Sequence[ClassCard], measured: Alignabilities | None) -> int | None:
    """The rivals of a class; returns the id of one that was just clicked."""
    st.markdown("#### Rivals")
    names = {other.id: other.name for other in cards}
    rivals = measured.rivals(card.id, RIVALS) if measured and card.id in measured.class_ids else ()
    if measured is None or card.alignability is None:
        st.caption(
            "Measured once a round proposed labels for clips that are labelled with this class, or accepted "
            "as it, by now."
        )
        return None
    picked = st.plotly_chart(
        rival_bars(card, [(other, names[other], score) for other, score in rivals]),
        key=f"rivals_{card.id}",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt="How well its clips align with its own examples and with those of other classes",
    )
    st.caption(
        f"How well its {card.measured_on} clips match its own examples and those of other classes, in round "
        f"{measured.round_number}. Click a bar to open that class."
    )
    points = picked["selection"]["points"]
    chosen = points[0].get("customdata") if points else None
    chosen = chosen[0] if isinstance(chosen, list) else chosen
    return int(chosen) if chosen is not None and int(chosen) != card.id else None


def draw_confusion(guest: Visit, card: ClassCard) -> None:
    """What people said to its proposals, and what the round says of test clips; each leads to the clips."""
    found = class_cards.confusion(guest.studio, card.id)
    for title, rows, asked, none in (
        ("Proposals and verdicts", found.reviewed, "said", "Nobody has decided on a proposal of it yet."),
        ("Test clips", found.tested, "tested", "The round has no predictions on test clips of it."),
    ):
        st.markdown(f"#### {title}")
        right = sum(mixed.clips for mixed in rows if mixed.said_id == mixed.is_id)
        wrong = [mixed for mixed in rows if mixed.said_id != mixed.is_id]
        if not rows:
            st.caption(none)
            continue
        missed = sum(mixed.clips for mixed in wrong if mixed.is_id == card.id)
        taken = sum(mixed.clips for mixed in wrong if mixed.said_id == card.id)
        st.caption(f"{right} of its {right + missed} clips right, {taken} others taken for it.")
        for mixed in wrong[:PAIRS]:
            if st.button(
                _words(card, mixed, asked),
                key=f"{asked}_{mixed.said_id}_{mixed.is_id}_{mixed.kind}",
                type="tertiary",
            ):
                st.switch_page("app_pages/browse.py", query_params=_address(mixed, asked))


def _words(card: ClassCard, mixed: Mixed, asked: str) -> str:
    number = f"{mixed.clips:,} clip{'' if mixed.clips == 1 else 's'}"
    verb = "proposed" if asked == "said" else "taken"
    if mixed.is_id is None:
        what = "people rejected that" if mixed.kind == "reject" else "people said none of the classes"
        return f"{number}: {verb} as this class, {what}"
    if mixed.said_id == card.id:
        return f"{number}: {verb} as this class, it is **{plain(mixed.is_name or '')}**"
    return f"{number}: {verb} as **{plain(mixed.said)}**, it is this class"


def _address(mixed: Mixed, asked: str) -> dict[str, str]:
    there = {asked: str(mixed.said_id)}
    return there | ({"decision": mixed.kind} if mixed.is_id is None else {"is": str(mixed.is_id)})


def draw_verdicts(guest: Visit, card: ClassCard) -> None:
    """The newest verdicts on the class."""
    st.markdown("#### Newest verdicts")
    found = class_cards.recent_verdicts(guest.studio, card.id)
    if not found:
        st.caption("None yet.")
    for verdict in found:
        what = DECISIONS.get(verdict.kind, verdict.kind)
        if verdict.class_name:
            what += f" as {verdict.class_name}"
        if verdict.predicted_name and verdict.predicted_name != verdict.class_name:
            what += f", proposed as {verdict.predicted_name}"
        words = plain(f"{verdict.key}: {verdict.reviewer} {what}, {ago(verdict.recorded_at)}")
        if st.button(
            f"~~{words}~~" if verdict.undone else words,
            key=f"verdict_{verdict.clip_id}_{verdict.recorded_at.isoformat()}",
            type="tertiary",
        ):
            st.switch_page("app_pages/browse.py", query_params={"clip": str(verdict.clip_id)})
