from tests.app.conftest import (
    drawn,
    imported,
    imported_project,
    settings,
    start_worker,
    studio,
    undisturbed_model,
)

__all__ = ["drawn", "imported", "imported_project", "settings", "start_worker", "studio", "undisturbed_model"]
