"""Clips as cards of the grid, and what is known about one clip."""

from typing import Any

from app.resources import Visit
from app.services.datasets import ClipCard
from app.services.round_differences import Change

ABSENT = {"waiting": "still being read", "unreadable": "unreadable", "missing": "file is gone"}
DECISIONS = {
    "accept": "accepted",
    "correct": "corrected",
    "reject": "rejected",
    "novel": "none of the classes",
    "skip": "skipped",
    "flag": "flagged",
}


def grid_card(
    guest: Visit, clip: ClipCard, title: str | None = None, note: str | None = None
) -> dict[str, Any]:
    """One card of the grid: the label as it stands, or what is proposed."""
    words, tone = standing(clip)
    proposed = clip.proposed.class_name if clip.proposed else None
    return {
        "clip_id": clip.id,
        "href": f"/browse?clip={clip.id}",
        "thumb": guest.media(clip.id, "thumb", clip.sha256) if clip.sprite else "",
        "sprite": guest.sprite(clip.id, clip.sha256, clip.sprite, clip.fps or 25.0)
        if clip.sprite and clip.sha256
        else None,
        "absent": ABSENT.get(clip.state, clip.state),
        "title": title or clip.label_name or proposed or "no label",
        "note": note or clip.key,
        "badge": words,
        "tone": tone,
    }


def standing(clip: ClipCard) -> tuple[str, str]:
    """What stands about a clip, in words with a sign, and the tone of its badge."""
    if clip.state != "ready":
        return f"⚠ {ABSENT.get(clip.state, clip.state)}", ""
    if clip.decision in ("reject", "novel"):
        return f"✕ {DECISIONS[clip.decision]}", ""
    if clip.label_source == "verdict":
        return f"✓ {DECISIONS.get(clip.decision or '', 'decided')}", "good"
    if clip.label_source == "imported":
        return "● imported", ""
    if clip.proposed:
        share = f"{clip.proposed.confidence:.0%}"
        return (f"◆ proposed {share}", "good") if clip.proposed.accepted else (f"◇ unsure {share}", "")
    return "○ no label", ""


def change_note(change: Change) -> str:
    """What two rounds say about a clip: class and confidence, before and now."""
    parts = []
    for word, name, confidence in (
        ("was", change.was, change.was_confidence),
        ("now", change.now, change.now_confidence),
    ):
        if name is not None:
            parts.append(f"{word} {name}" + (f" {confidence:.0%}" if confidence is not None else ""))
    return " · ".join(parts)
