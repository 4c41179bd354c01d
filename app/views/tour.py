"""The tour: four cards in a row, beside what Today shows and never in front of it."""

from html import escape

import streamlit as st

from app.resources import Visit
from app.services import tour
from app.services.today import Today
from app.services.tour import Step

STYLE = """<style>
.fps-step { display: grid; grid-template-columns: 26px 1fr; gap: 2px 10px; align-items: center; }
.fps-step .number { width: 24px; height: 24px; border-radius: 50%; display: grid; place-items: center;
  font-size: 12.5px; font-weight: 700; border: 1.5px solid var(--fps-line); }
.fps-step.here .number { background: var(--fps-accent); border-color: var(--fps-accent);
  color: light-dark(#ffffff, #04181b); }
.fps-step b { font-size: 15.5px; line-height: 1.25; }
.fps-step .now { font-size: 11.5px; font-weight: 650; color: var(--fps-accent); margin-left: 6px; white-space: nowrap; }
.fps-step p { grid-column: 1 / -1; margin: 6px 0 0; line-height: 1.42; font-size: 13.5px; }
.fps-step .keys { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 4px 12px; margin-top: 8px; font-size: 12.5px; }
.fps-step kbd { font: inherit; font-weight: 650; border: 1px solid var(--fps-line); border-bottom-width: 2px;
  border-radius: 5px; padding: 0 6px; margin: 0 3px 0 0; }
.fps-step kbd + kbd { margin-left: 3px; }
.stVerticalBlock[class*="st-key-card_tour"] { gap: .35rem; padding: 14px 16px 8px; }
</style>"""  # noqa: E501


def draw_tour(guest: Visit, now: Today) -> None:
    """The four cards, for a person who has not put them away."""
    if not tour.is_due(guest.studio, guest.user.id):
        return
    st.html(STYLE)
    with st.container(key="tour"):
        head, act = st.columns([6, 1], vertical_alignment="center")
        head.markdown("**How a day in the studio goes**, in four steps.")
        act.button(
            "Put away",
            key="tour_away",
            width="stretch",
            help="The tour stays a click away at the end of this page.",
            on_click=tour.put_away,
            args=(guest.studio, guest.user.id),
        )
        for number, (place, step) in enumerate(zip(st.columns(4), tour.steps(now), strict=True), start=1):
            with place.container(key=f"card_tour_{number}", height="stretch"):
                st.html(step_html(step, number))
                st.page_link(f"app_pages/{step.page}.py", label=step.link, icon=":material/arrow_forward:")


def draw_show_again(guest: Visit) -> None:
    """The way back to the tour."""
    if not tour.is_due(guest.studio, guest.user.id):
        st.button(
            "Show the tour again",
            key="tour_again",
            type="tertiary",
            icon=":material/signpost:",
            on_click=tour.show_again,
            args=(guest.studio, guest.user.id),
        )


def step_html(step: Step, number: int) -> str:
    """One card: number, title, words and keys."""
    now = '<span class="now">you are here</span>' if step.here else ""
    keys = "".join(
        f"<span>{' – '.join(f'<kbd>{escape(key)}</kbd>' for key in pressed)}{escape(meaning)}</span>"
        for pressed, meaning in step.keys
    )
    return (
        f'<div class="fps-step{" here" if step.here else ""}"><span class="number">{number}</span>'
        f"<span><b>{escape(step.title)}</b>{now}</span><p>{escape(step.words)}</p>"
        + (f'<div class="keys">{keys}</div>' if keys else "")
        + "</div>"
    )
