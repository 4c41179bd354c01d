"""What every page starts from: the open project, who is asking, and addresses of clips."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import settings
from app.media import embedding_address, media_address
from app.services import users
from app.services.datasets import Sprite
from app.services.studio import Studio, open_studio
from app.services.users import User
from app.signatures import COOKIE, read_cookie


@dataclass(frozen=True)
class Visit:
    """One rerun of one person."""

    studio: Studio
    user: User

    def media(self, clip_id: int, kind: str, sha256: str | None) -> str:
        """Signed address of a clip's "sprite", "thumb" or "video"; empty while there is none."""
        return media_address(self.studio.secret, clip_id, kind, sha256) if sha256 else ""

    def embedding(self, round_number: int, iteration: int, clip_id: int) -> str:
        """Signed address of a clip's frame embeddings in a pass of a round."""
        return embedding_address(self.studio.secret, round_number, iteration, clip_id)

    def sprite(
        self, clip_id: int, sha256: str, sprite: Sprite, fps: float, frames: int | None = None
    ) -> dict[str, Any]:
        """What the browser's player needs; fps counts cells of the sprite per second, `length` is the number
        of frames of the clip itself."""
        return {
            "url": self.media(clip_id, "sprite", sha256),
            "frames": sprite.frames,
            "columns": sprite.columns,
            "width": sprite.width,
            "height": sprite.height,
            "step": sprite.step,
            "length": frames or round((sprite.frames - 1) * sprite.step) + 1,
            "fps": max(1.0, (fps or 25.0) / sprite.step),
        }


@st.cache_resource(show_spinner=False)
def _studio(where: settings.Settings) -> Studio:
    return open_studio(where)


def studio() -> Studio:
    """The open project, one per process."""
    return _studio(settings.load())


def signed_cookie() -> str | None:
    """The sign-in cookie the browser came with."""
    return st.context.cookies.get(COOKIE)


def visit() -> Visit:
    """The project and the person, asked of the database at every rerun; ends the run for everybody else."""
    project = studio()
    user_id = read_cookie(project.secret, signed_cookie())
    user = users.get(project, user_id) if user_id is not None else None
    if user is None:
        st.error("You are not signed in any more. Ask whoever runs the studio for a new sign-in link.")
        st.stop()
    return Visit(project, user)
