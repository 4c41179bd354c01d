"""One clip: playing, its label and where it comes from, and the verdict keys as buttons."""

import uuid
from datetime import UTC, datetime

import streamlit as st

from app.components.clip_player import clip_player
from app.resources import Visit
from app.services import queue, review
from app.services.datasets import ClipCard
from app.services.queue import ReviewItem
from app.services.studio import Studio
from app.views.cards import ago, plain
from app.views.clip_cards import DECISIONS, standing
from app.views.figures import class_bars, draw
from app.views.review_items import sureness


def decide(studio: Studio, reviewer_id: int, event: dict[str, object]) -> None:
    """Record one verdict; the event was made when the button was drawn, so a double click is saved once."""
    review.record(studio, reviewer_id, [event])


def draw_clip(guest: Visit, clip: ClipCard) -> None:
    """The clip's page."""
    words, tone = standing(clip)
    player, facts = st.columns([5, 6], gap="medium")
    with player:
        if clip.sprite and clip.sha256:
            clip_player(
                guest.sprite(clip.id, clip.sha256, clip.sprite, clip.fps or 25.0), key=f"player_{clip.id}"
            )
        else:
            st.warning(plain(clip.reason or "The worker has not read this clip yet."))
        if clip.sprite and st.button("Compare with another clip", key=f"compare_{clip.id}"):
            st.switch_page("app_pages/compare.py", query_params={"a": str(clip.id)})
    with facts:
        name = clip.label_name or (clip.proposed.class_name if clip.proposed else "No label yet")
        st.subheader(plain(name), anchor=False)
        st.markdown(f":{'green' if tone else 'gray'}-badge[{words}] &nbsp; {_facts(clip)}")
        item = queue.item(guest.studio, guest.user.id, clip.id) if clip.proposed else None
        if item:
            st.markdown(
                f"Round {item.round_number} is **{sureness(item.confidence)}** ({item.confidence:.0%}) "
                "that it is the first of these."
            )
            draw(
                class_bars(item.classes), f"bars_{clip.id}", "Shares per class of both encoders and combined"
            )
        _draw_buttons(guest, clip, item)
        _draw_history(guest, clip)
        with st.expander("File"):
            st.text(f"{clip.key}\n{clip.source_path}\n{clip.width} × {clip.height}, {clip.frames} frames")


def _facts(clip: ClipCard) -> str:
    parts = [{"train": "training clip", "test": "test clip"}.get(clip.split, clip.split)]
    if clip.reviewer:
        parts.append(f"decided {ago(clip.decided_at)}")
    return ", ".join(parts)


def _draw_buttons(guest: Visit, clip: ClipCard, item: ReviewItem | None) -> None:
    if clip.state != "ready":
        return
    classes = dict(review.classes(guest.studio))
    first = clip.label_id or (item.predicted_class_id if item else None)
    chosen = st.selectbox(
        "It is",
        list(classes),
        format_func=lambda class_id: classes[class_id],
        key=f"class_{clip.id}",
        index=list(classes).index(first) if first in classes else None,
    )
    proposed = item.predicted_class_id if item else None
    kind = "accept" if chosen is not None and chosen == proposed else "correct"
    save, reject, novel, undo = st.columns(4)
    for place, (verdict, label) in zip(
        (save, reject, novel), ((kind, "Save"), ("reject", "Reject"), ("novel", "None of these")), strict=True
    ):
        event = _event(guest, clip, verdict, chosen if place is save else None, item)
        place.button(
            label,
            key=f"{label}_{clip.id}",
            type="primary" if place is save else "secondary",
            width="stretch",
            disabled=place is save and chosen is None,
            on_click=decide,
            args=(guest.studio, guest.user.id, event),
        )
    mine = next(
        (card for card in review.history(guest.studio, guest.user.id, limit=1) if not card.undone), None
    )
    if mine and mine.clip_id == clip.id:
        event = {**_event(guest, clip, "undo", None, item), "undoes_uuid": mine.uuid}
        undo.button(
            "Undo",
            key=f"undo_{clip.id}",
            width="stretch",
            on_click=decide,
            args=(guest.studio, guest.user.id, event),
        )


def _event(
    guest: Visit, clip: ClipCard, kind: str, class_id: int | None, item: ReviewItem | None
) -> dict[str, object]:
    newest = review.history(guest.studio, guest.user.id, limit=1)
    name = "|".join(
        map(str, (guest.user.id, clip.id, kind, class_id, clip.decided_at, newest[0].uuid if newest else ""))
    )
    return {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),  # same state, same button: same verdict
        "clip_id": clip.id,
        "kind": kind,
        "class_id": class_id,
        "predicted_class_id": item.predicted_class_id if item else None,
        "round_id": item.round_id if item else None,
        "made_at": datetime.now(UTC).isoformat(),
    }


def _draw_history(guest: Visit, clip: ClipCard) -> None:
    mine = [
        card for card in review.history(guest.studio, guest.user.id, limit=500) if card.clip_id == clip.id
    ]
    lines = []
    if clip.decision and clip.reviewer and not mine:
        lines.append(f"{ago(clip.decided_at)}: {clip.reviewer} {DECISIONS.get(clip.decision, clip.decision)}")
    for card in mine:
        what = DECISIONS.get(card.kind, card.kind) + (f" as {card.class_name}" if card.class_name else "")
        lines.append(f"{ago(card.recorded_at)}: you {what}" + (", then took it back" if card.undone else ""))
    if lines:
        st.caption("History")
        st.text("\n".join(lines))
