"""The test protocol: all views of a video, softmax averaged, or no answer."""

import pytest
import torch
from torch import nn

from finepseudo_core.datasets.clip_dataset import WholeClips
from finepseudo_core.datasets.frame_store import open_frame_store
from finepseudo_core.evaluation.top1 import averaged_probabilities
from tests.finepseudo_core.selftraining.tiny import make_clips

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> WholeClips:
    """Ten clips by three crops of a few videos."""
    folder = tmp_path_factory.mktemp("top1")
    labelled, _, _ = make_clips(folder / "dives")
    store = open_frame_store(labelled, folder / "frames", size=16, squash=False, most_bytes=1 << 30)
    return WholeClips(store, labelled, 4, 16, stride=1, views=10, crops=3)


class Brightness(nn.Module):
    """Logits (B, 2) from the mean of a clip."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        mean = clips.mean(dim=(1, 2, 3, 4))
        return torch.stack([mean, -3 * mean], dim=1)


def test_ten_clips_by_three_crops_are_averaged_after_softmax(clips):
    found = averaged_probabilities(Brightness(), clips, [2, 0], CPU)
    for row, number in zip(found, (2, 0), strict=True):
        views = clips[number]
        assert views.shape == (30, 3, 4, 16, 16)
        one_by_one = [Brightness()(view[None]).softmax(1)[0] for view in views]
        torch.testing.assert_close(row, torch.stack(one_by_one).mean(0))
        torch.testing.assert_close(row.sum(), torch.tensor(1.0))


def test_an_incomplete_set_of_views_is_refused(clips, monkeypatch):
    whole = WholeClips.__getitem__
    monkeypatch.setattr(WholeClips, "__getitem__", lambda self, number: whole(self, number)[:29])
    with pytest.raises(ValueError, match="video 1 has 29 views; the test takes all of them or none"):
        averaged_probabilities(Brightness(), clips, [1], CPU)
