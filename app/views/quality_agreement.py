"""How far people agree, on which classes they do not, and the conflicts to settle."""

import streamlit as st

from app.components.clip_grid import clip_grid
from app.resources import Visit
from app.services import agreement as agreements
from app.services import datasets, review_quality
from app.services.agreement import Agreement, Dispute, Kappa, Pair
from app.views.cards import draw_tiles, measured, plain
from app.views.clip_cards import grid_card
from app.views.share_words import counted, out_of_ten, with_range
from app.views.tables import table_height

SHOWN = 24
LISTED = 200
CONFLICTS = 50
# Landis and Koch, Biometrics 33 (1977): least kappa and what they call it
STRENGTHS = (
    (0.81, "almost perfect"),
    (0.61, "substantial"),
    (0.41, "moderate"),
    (0.21, "fair"),
    (0.0, "slight"),
)
HOW_TO_GET_IT = (
    "Agreement needs clips that two people judged. Let a second person open clips that somebody has decided "
    "on, by class or by label on the Browse page, and save their own label there."
)


def draw_agreement(guest: Visit) -> None:
    """Kappas with their ranges, pairs of people, and classes in dispute."""
    found = agreements.agreement(guest.studio)
    if found.alike is None:
        st.info(f"No clip has been judged by two people yet. {HOW_TO_GET_IT}")
        return
    st.markdown(agreement_sentence(found))
    all_alike, note = measured(found.alike)
    draw_tiles(
        [
            ("Judged by several", f"{found.clips:,}", f"clips, by {found.people} people in all"),
            ("All said the same", all_alike, note),
            ("Agreement beyond chance", kappa_value(found.kappa), kappa_note(found.kappa)),
        ]
    )
    pairs, disputes = st.columns([6, 5], gap="medium")
    with pairs, st.container(key="card_pairs"):
        _draw_pairs(found)
    with disputes, st.container(key="card_disputes"):
        st.markdown("#### Classes that people disagree on")
        chosen = _draw_disputes(found)
    if chosen is not None:
        _draw_clips(guest, chosen)


def agreement_sentence(found: Agreement) -> str:
    """How often people say the same, and what that is worth."""
    assert found.alike is not None
    words = f"On **{out_of_ten(found.alike)}** clips that several people judged, all said the same. "
    if found.kappa is None:
        return words + (
            "They only ever said one class, so guessing would have agreed as well; judge clips of other "
            "classes twice, too."
        )
    worth = f"Beyond what guessing would give, that is {strength(found.kappa.value)} agreement."
    if found.kappa.low is None and found.clips < agreements.FEWEST:
        return f"{words}{worth} With {counted(found.clips, 'clip')} that can still be luck."
    return words + worth


def strength(kappa: float) -> str:
    """A kappa in the words of Landis and Koch."""
    return next((words for least, words in STRENGTHS if round(kappa, 2) >= least), "less than chance")


def kappa_value(kappa: Kappa | None) -> str:
    """A kappa as a tile shows it."""
    return "–" if kappa is None else f"{kappa.value:.2f}"


def kappa_note(kappa: Kappa | None) -> str:
    """Its range, or why it has none."""
    if kappa is None:
        return "only one class was ever said"
    if kappa.low is None:
        few = kappa.clips < agreements.FEWEST
        return f"Fleiss' kappa; {'too few clips' if few else 'no disagreement'} for a range"
    return f"Fleiss' kappa, {kappa.low:.2f} to {kappa.high:.2f}"


def _draw_pairs(found: Agreement) -> None:
    st.markdown("#### Two by two")
    st.dataframe(
        {
            "People": [f"{pair.one}, {pair.other}" for pair in found.pairs],
            "Clips": [pair.alike.of for pair in found.pairs],
            "Said the same": [with_range(pair.alike) for pair in found.pairs],
            "Cohen's kappa": [_pair_words(pair) for pair in found.pairs],
        },
        key="pairs",
        hide_index=True,
        height=table_height(len(found.pairs)),
        column_config={"Clips": st.column_config.NumberColumn(width=60)},
    )
    st.caption(
        "Kappa is agreement beyond guessing: 1 is always, 0 is no better than guessing at the same rates. "
        "Counted are the last words of each person that stand; a rejection names no class and is left out, "
        '"none of the classes" is an answer. People who saw the same proposal agree more easily than people '
        "who did not, so this is rather too high than too low."
    )


def _pair_words(pair: Pair) -> str:
    if pair.kappa is None:
        return "– (one class only)"
    value = f"{pair.kappa.value:.2f}"
    return value if pair.kappa.low is None else f"{value}  ({pair.kappa.low:.2f} to {pair.kappa.high:.2f})"


def _draw_disputes(found: Agreement) -> Dispute | None:
    listed = found.disputes[:LISTED]
    if not listed:
        st.caption("None: wherever several people judged a clip, they said the same.")
        return None
    picked = st.dataframe(
        {
            "Clips": [len(dispute.clip_ids) for dispute in listed],
            "One says": [dispute.one for dispute in listed],
            "Another says": [dispute.other for dispute in listed],
        },
        key="disputes",
        hide_index=True,
        height=table_height(len(listed)),
        on_select="rerun",
        selection_mode="single-row",
        column_config={"Clips": st.column_config.NumberColumn(width=60)},
    )
    st.caption("Choose a row to see the clips.")
    rows = picked["selection"]["rows"]
    return listed[rows[0] if rows and rows[0] < len(listed) else 0]


def _draw_clips(guest: Visit, dispute: Dispute) -> None:
    st.markdown(f"#### {plain(dispute.one)} or {plain(dispute.other)}?")
    found = (datasets.clip(guest.studio, clip_id) for clip_id in dispute.clip_ids[:SHOWN])
    cards = [grid_card(guest, clip) for clip in found if clip]
    opened = clip_grid(cards, key=f"dispute_{dispute.one_id}_{dispute.other_id}", least_width=150)
    if opened is not None:
        st.switch_page("app_pages/browse.py", query_params={"clip": str(opened)})


def draw_conflicts(guest: Visit) -> None:
    """The newest conflicts with every opinion, and the way to settle them."""
    found, total = review_quality.conflicts(guest.studio, limit=CONFLICTS)
    if not total:
        st.info(
            "Nothing to settle: nobody's verdict contradicts another one or a label that came with an "
            f"import. {HOW_TO_GET_IT}"
        )
        return
    with st.container(key="card_conflicts"):
        words, act = st.columns([7, 2], vertical_alignment="center")
        words.markdown(
            f"**{counted(total, 'clip')}** on which people contradict each other or the import. A conflict "
            "is settled once a second person shares the newest opinion."
        )
        if act.button("Settle in Review", key="settle", type="primary", width="stretch"):
            st.switch_page("app_pages/review.py", query_params={"queue": "conflicts"})
        picked = st.dataframe(
            {
                "Clip": [conflict.key for conflict in found],
                "Newest opinion": [_opinion(conflict.opinions[:1]) for conflict in found],
                "Before it": [_opinion(conflict.opinions[1:]) for conflict in found],
            },
            key="conflicts",
            hide_index=True,
            height=table_height(len(found)),
            on_select="rerun",
            selection_mode="single-row",
        )
        st.caption(
            "The newest first; choose a row to open the clip."
            + (f" The newest {len(found)} of {total}." if total > len(found) else "")
        )
    rows = picked["selection"]["rows"]
    if rows and rows[0] < len(found):
        st.switch_page("app_pages/browse.py", query_params={"clip": str(found[rows[0]].clip_id)})


def _opinion(opinions: tuple[tuple[str, str], ...]) -> str:
    return "; ".join(f"{who}: {what}" for who, what in opinions)
