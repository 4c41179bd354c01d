"""The demo project: drawn dives, one in ten labelled, and a first round on them."""

from collections.abc import Callable

from app.services import datasets
from app.services.studio import Studio
from finepseudo_core.datasets import synthetic_dives

LABELLED_SHARE = 0.1
PRESET = "cpu-demo"


def prepare(studio: Studio, owner_id: int, on_clip: Callable[[int, int], None]) -> None:
    """Draw the dives, register their import, and have round 1 follow it; does nothing the second time.

    Args:
        owner_id: who the import belongs to.
        on_clip: called with (clips drawn, clips in all).
    """
    folder = studio.settings.project / "clips-source"
    if any(card.folder == str(folder) for card in datasets.imports(studio)):
        return
    if not (folder / "labels.csv").exists():  # written last: the drawing was not interrupted
        synthetic_dives.generate(folder, on_clip=on_clip)
    request = datasets.ImportRequest(folder, labelled_share=LABELLED_SHARE)
    datasets.start_import(studio, request, owner_id, then_round=PRESET)
