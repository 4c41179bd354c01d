"""Compiled encoders, and what is said where nothing can be compiled."""

import pytest
import torch

from finepseudo_core.errors import ConfigError
from finepseudo_core.selftraining.models import Models
from finepseudo_core.selftraining.round import compile_encoders
from tests.finepseudo_core.selftraining.tiny import tiny_config

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:torch")


def test_without_a_compiler_the_error_says_what_to_do():
    inductor = pytest.importorskip("torch._inductor.config")
    from torch._inductor.utils import fresh_cache

    torch.compiler.reset()
    with (
        inductor.patch({"cpp.cxx": ("no-such-compiler",)}),
        fresh_cache(),
        pytest.raises(ConfigError, match=r"does not work here \(.*no-such-compiler.*set compile to false"),
    ):
        compile_encoders(Models(tiny_config(), 3), CPU)
    torch.compiler.reset()


@pytest.mark.slow
def test_a_compiled_encoder_gives_what_the_plain_one_gives():
    torch.manual_seed(0)
    models, clips = Models(tiny_config(), 3).eval(), torch.randn(2, 3, 4, 24, 24)
    with torch.no_grad():
        expected, names = models.alignability(clips), set(models.state_dict())
        compile_encoders(models, CPU)
        torch.testing.assert_close(models.alignability(clips), expected, rtol=1e-4, atol=1e-5)
    assert set(models.state_dict()) == names
    assert models.action.backbone._compiled_call_impl is not None  # compiled when first called
