import math

import pytest
import torch

from finepseudo_core.encoders.oriented_energy import FRAMES_AT_ONCE, OrientedEnergy


def _stripes(angle: float, size: int = 32) -> torch.Tensor:
    """A frame of stripes whose brightness changes in the direction of `angle`: (1, 3, size, size)."""
    axis = torch.arange(size, dtype=torch.float32)
    along = axis[None, :] * math.cos(angle) + axis[:, None] * math.sin(angle)
    return torch.sin(along * 0.6).expand(1, 3, size, size)


@pytest.mark.parametrize("orientation", range(8))
def test_stripes_answer_in_their_own_orientation(orientation):
    energies = OrientedEnergy()(_stripes(orientation * math.pi / 8))
    assert energies[0, :, 8:-8, 8:-8].mean((1, 2)).argmax() == orientation


def test_contrast_and_colour_hardly_matter():
    frame, tint = _stripes(0.4), torch.tensor([1.5, 0.9, 0.6])[None, :, None, None]
    layer = OrientedEnergy()
    torch.testing.assert_close(layer(frame * tint), layer(frame), atol=0.02, rtol=0.02)
    fainter = layer(frame * 0.6)[..., 8:-8, 8:-8].mean()
    assert fainter == pytest.approx(layer(frame)[..., 8:-8, 8:-8].mean().item(), rel=0.25)


def test_an_even_frame_has_no_energy():
    assert OrientedEnergy()(torch.full((1, 3, 16, 16), 0.3)).max() < 0.05


def test_the_number_of_frames_at_once_changes_nothing():
    frames = torch.rand(FRAMES_AT_ONCE + 3, 3, 12, 12)
    layer = OrientedEnergy()
    torch.testing.assert_close(layer(frames), torch.cat([layer(frame[None]) for frame in frames]))


def test_nothing_in_it_learns():
    assert not list(OrientedEnergy().parameters())
    assert not OrientedEnergy()(torch.rand(1, 3, 8, 8, requires_grad=True)).requires_grad
