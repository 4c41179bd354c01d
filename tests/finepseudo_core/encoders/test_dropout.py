"""Dropout by the clip's place in the batch, and the transformer layer that uses it."""

import pytest
import torch
from torch import nn

from finepseudo_core.encoders.dropout import Dropout, TransformerLayer, placed


def test_it_drops_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    dropped = Dropout(0.3)(torch.ones(1000, 500))
    assert (dropped == 0).float().mean() == pytest.approx(0.3, abs=0.003)
    assert dropped.mean() == pytest.approx(1, abs=0.005)
    assert dropped.max() == pytest.approx(1 / 0.7, rel=1e-4)
    rows, columns = (dropped == 0).float().mean(1), (dropped == 0).float().mean(0)
    assert rows.std() == pytest.approx((0.3 * 0.7 / 500) ** 0.5, rel=0.15)
    assert columns.std() == pytest.approx((0.3 * 0.7 / 1000) ** 0.5, rel=0.15)


def test_evaluation_and_probability_zero_change_nothing():
    values = torch.randn(3, 4)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


def test_the_parts_of_a_batch_get_the_masks_of_the_whole():
    dropout, values = Dropout(0.4), torch.ones(6 * 5, 8)  # six clips of five rows
    torch.manual_seed(3)
    with placed(0, 6, 6):
        whole = [dropout(values), dropout(values)]
    assert not torch.equal(*whole)
    parts = []
    for start, stop in ((0, 1), (1, 4), (4, 6)):
        with placed(start, stop, 6):
            parts.append([dropout(values[start * 5 : stop * 5]) for _ in range(2)])
    for number, expected in enumerate(whole):
        assert torch.equal(torch.cat([part[number] for part in parts]), expected)
    with placed(0, 6, 6, stream=1):
        assert not torch.equal(dropout(values), whole[0])
    torch.manual_seed(4)
    with placed(0, 6, 6):
        assert not torch.equal(dropout(values), whole[0])


def test_masks_of_a_batch_leave_the_stream_of_torch_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with placed(0, 2, 2):
        Dropout(0.5)(torch.ones(2, 7))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("training", [True, False])
def test_without_dropout_the_layer_is_that_of_torch(training):
    torch.manual_seed(0)
    ours = TransformerLayer(16, 4, 32, dropout=0.0).train(training)
    theirs = nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, norm_first=True).train(training)
    theirs.load_state_dict(ours.state_dict())
    values = torch.randn(3, 5, 16)
    found, expected = ours(values), theirs(values)
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    expected.square().sum().backward()
    for (name, one), two in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, msg=name, rtol=1e-4, atol=1e-5)


def test_the_layer_drops_attention_too():
    torch.manual_seed(0)
    layer, values = TransformerLayer(16, 4, 32, dropout=0.5), torch.randn(2, 5, 16)
    layer.dropout1.p = layer.dropout2.p = layer.dropout.p = 0.0
    assert not torch.allclose(layer(values), layer(values))
