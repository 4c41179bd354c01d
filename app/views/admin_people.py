"""People on the Admin page: who may come in, as what, and the link that each signs in with."""

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from app.resources import Visit
from app.services import users
from app.services.users import User
from app.views.cards import ago, plain
from finepseudo_core.errors import FinePseudoError

REFUSED, FRESH = "people_refused", "fresh_link"
ROLES = {"reviewer": "Reviewer", "admin": "Admin"}


def draw_people(guest: Visit) -> None:
    """Everybody, a form for one more, and what each role may do."""
    draw_refused()
    draw_fresh_link()
    listed, new = st.columns([7, 4], gap="medium")
    with listed:
        for person in users.listing(guest.studio):
            draw_person(guest, person)
    with new:
        draw_new(guest)
        st.caption(
            "**Reviewers** give verdicts, bring clips in, start rounds, choose the round under review and "
            "export labels. **Admins** also add and remove people, change classes, make and delete snapshots "
            "and backups, and read the log. What a removed person decided stays."
        )


def draw_fresh_link() -> None:
    """The link of somebody new, until it was passed on: nobody can look it up later."""
    fresh = st.session_state.get(FRESH)
    if fresh is None:
        return
    name, token = fresh
    with st.container(key="card_fresh_link"):
        st.markdown(
            f"**{plain(name)} signs in with this link.** It is shown only now: copy it and pass it on."
        )
        st.code(link(st.context.url, token), language=None, wrap_lines=True)
        words, act = st.columns([5, 2], vertical_alignment="center")
        if is_local(st.context.url):
            words.caption(
                "This address reaches only the computer the studio runs on. Others replace its first part by "
                "the one that they reach the studio at."
            )
        act.button("It is passed on", key="passed_on", width="stretch", on_click=forget_link)


def draw_person(guest: Visit, person: User) -> None:
    """One line: name, role, a new link, removal."""
    with st.container(key=f"card_person_{person.id}"):
        name, role, renew, drop = st.columns([5, 3, 2, 2], vertical_alignment="center")
        me = " (you)" if person.id == guest.user.id else ""
        name.markdown(f"**{plain(person.name)}**{me} &nbsp; :gray[added {ago(person.created_at)}]")
        key = f"role_{person.id}_{person.role}"
        role.selectbox(
            f"Role of {person.name}",
            list(ROLES),
            index=list(ROLES).index(person.role),
            format_func=ROLES.__getitem__,
            key=key,
            label_visibility="collapsed",
            on_change=change_role,
            args=(guest, person, key),
        )
        with renew.popover("New link", width="stretch"):
            st.markdown(
                f"The link {plain(person.name)} signs in with now stops working; open tabs stay signed in."
            )
            st.button("Make a new link", key=f"renew_{person.id}", type="primary", on_click=renew_link,
                      args=(guest, person))  # fmt: skip
        with drop.popover("Remove", width="stretch"):
            st.markdown(f"{plain(person.name)} is out at once, in every browser. What they decided stays.")
            st.button("Remove", key=f"remove_{person.id}", type="primary", on_click=attempt,
                      args=(users.remove, guest.studio, person.id, guest.user.id))  # fmt: skip


def draw_new(guest: Visit) -> None:
    """A form for one more person; Enter sends it."""
    with st.container(key="card_new_person"), st.form("new_person", border=False):
        st.markdown("#### Somebody new")
        st.text_input("Name", key="new_name", max_chars=100, placeholder="as others know them")
        st.segmented_control(
            "Role",
            list(ROLES),
            default="reviewer",
            key="new_role",
            required=True,
            format_func=ROLES.__getitem__,
        )
        st.form_submit_button("Add", type="primary", key="add_person", on_click=add, args=(guest,))


def add(guest: Visit) -> None:
    """Add the person whose name was typed, in a callback, and show their link."""
    typed = st.session_state.to_dict()

    def create() -> None:
        person, token = users.create(guest.studio, typed["new_name"], typed["new_role"], guest.user.id)
        st.session_state[FRESH] = person.name, token
        st.session_state["new_name"] = ""

    attempt(create)


def renew_link(guest: Visit, person: User) -> None:
    """Give a person a new link, in a callback, and show it."""

    def renew() -> None:
        st.session_state[FRESH] = person.name, users.new_token(guest.studio, person.id, guest.user.id)

    attempt(renew)


def change_role(guest: Visit, person: User, key: str) -> None:
    """Give a person the role that the list shows, in a callback."""
    role = st.session_state.to_dict()[key]
    attempt(users.set_role, guest.studio, person.id, role, guest.user.id)
    if REFUSED in st.session_state:
        st.session_state[key] = person.role


def attempt(use_case: Callable[..., object], *arguments: object) -> None:
    """Run a use case in a callback; what it refuses is shown on the page."""
    try:
        use_case(*arguments)
    except FinePseudoError as error:
        st.session_state[REFUSED] = str(error)


def draw_refused() -> None:
    """What was refused in the callback before this run."""
    if refused := st.session_state.pop(REFUSED, None):
        st.error(plain(refused))


def forget_link() -> None:
    """Show the link no more."""
    st.session_state.pop(FRESH, None)


def link(address: str | None, token: str) -> str:
    """The sign-in link at the address this page was asked for."""
    parts = urlsplit(address or "http://localhost:8501/")
    return f"{parts.scheme}://{parts.netloc}/?token={token}"


def is_local(address: str | None) -> bool:
    """Whether an address reaches no other computer."""
    return urlsplit(address or "").hostname in (None, "localhost", "127.0.0.1", "::1")
