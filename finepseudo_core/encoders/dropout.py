"""Dropout whose masks belong to a clip's place in the batch, however many processes share the batch.

Inside `placed`, every call draws the mask of the whole batch and takes the rows at hand: one process or four,
the batch at once or in parts, all drop the same values.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 1 << 16  # a probability is rounded to a multiple of 1 / LEVELS


class Place:
    """Rows `start` to `stop` of a batch of `total` clips, and how many masks were drawn for them."""

    def __init__(self, start: int, stop: int, total: int, stream: int) -> None:
        self.start, self.stop, self.total = start, stop, total
        self.names, self.calls = (torch.initial_seed(), stream), 0

    def next_seed(self) -> int:
        """Seed of the next mask."""
        self.calls += 1
        return zlib.crc32(repr((*self.names, self.calls)).encode())


_here: list[Place] = []


@contextmanager
def placed(start: int, stop: int, total: int, stream: int = 0) -> Iterator[None]:
    """Say which clips of a batch the network is about to see; each clip is a run of rows of one length.

    Masks follow from torch's seed and from the order of the calls in here, and leave torch's stream alone.

    Args:
        stream: tells apart the networks, or halves of one, that see the same clips one after another.
    """
    _here.append(Place(start, stop, total, stream))
    try:
        yield
    finally:
        _here.pop()


class Dropout(nn.Dropout):
    """torch's dropout, whose masks belong to the clips."""

    def forward(self, input: Tensor) -> Tensor:
        """Any shape whose first axis holds the clips, or runs of rows of each -> the same shape."""
        dropped = round(self.p * LEVELS)
        if not self.training or not dropped:
            return input
        kept = _draw(input) >= dropped - LEVELS // 2
        return input * kept * (LEVELS / (LEVELS - dropped))


def _draw(values: Tensor) -> Tensor:
    """Evenly spread int16 in the shape of the values: a quarter of the time of torch's uniform floats."""
    if not _here:
        return _bits(values.numel(), values.device, None).view(values.shape)
    place = _here[-1]
    generator = torch.Generator(values.device)
    generator.manual_seed(place.next_seed())
    per_clip = values.numel() // (place.stop - place.start)
    whole = _bits(per_clip * place.total, values.device, generator)
    return whole[place.start * per_clip : place.stop * per_clip].view(values.shape)


def _bits(count: int, device: torch.device, generator: torch.Generator | None) -> Tensor:
    words = torch.empty(-(-count // 4), dtype=torch.int64, device=device)
    words.random_(-(1 << 63), None, generator=generator)
    return words.view(torch.int16)[:count]


class TransformerLayer(nn.TransformerEncoderLayer):
    """torch's pre-norm encoder layer, parameter for parameter, with masks that belong to the clips."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__(width, heads, feedforward, 0.0, batch_first=True, norm_first=True)
        self.dropout, self.dropout1, self.dropout2 = Dropout(dropout), Dropout(dropout), Dropout(dropout)
        self.attention_dropout = Dropout(dropout)

    def _sa_block(
        self,
        x: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        if not self.training:
            return super()._sa_block(x, attn_mask, key_padding_mask, is_causal)
        attention = self.self_attn  # (B, T, D); torch drops inside the product, where no mask can be given
        projected = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        queries, keys, values = projected.unflatten(-1, (3, attention.num_heads, -1)).permute(2, 0, 3, 1, 4)
        similarities = queries @ keys.mT / queries.shape[-1] ** 0.5  # (B, H, T, T)
        shares = self.attention_dropout(similarities.softmax(-1, dtype=torch.float32).to(values.dtype))
        return self.dropout1(attention.out_proj((shares @ values).transpose(1, 2).flatten(2)))
