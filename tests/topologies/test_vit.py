"""ViT-B/16 as torchvision defines it: its products, its weights, and what each of them costs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from energy.array import PRESETS
from energy.closed_form.engine import simulate
from energy.counts import total_cycles, twma
from topologies.convention import CONVENTIONS
from topologies.layers import Topology
from topologies.lowering import topology_of

WIDTH, HEADS, BLOCKS, TOKENS = 768, 12, 12, 197


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 16, stride=16)
        self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, TOKENS, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)), nn.LayerNorm(WIDTH))
        self.head = nn.Linear(WIDTH, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).mT
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.blocks(x)[:, 0])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def vit() -> tuple[Topology, int]:
    """The topology, and the MACs by torch's own counter."""
    with torch.device("meta"):
        model = ViT().eval().requires_grad_(False)
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 224, 224))
    topology = topology_of(model, (3, 224, 224), name="vit", convention=CONVENTIONS["exact"])
    return topology, counter.get_total_flops() // 2


def test_macs_are_those_of_the_flop_counter(vit: tuple[Topology, int]) -> None:
    topology, counted = vit
    assert sum(layer.macs for layer in topology.layers) == counted == 17_563_828_224
    assert str(topology.coverage) == "50 of 50 weighted layers, 100 % of MACs"


def test_attention_is_two_products_a_head_and_block(vit: tuple[Topology, int]) -> None:
    computed = [layer for layer in vit[0].layers if not layer.reads_weights]
    assert len(computed) == 2 * HEADS * BLOCKS
    assert {(layer.ofmap_px, layer.window, layer.filters) for layer in computed} == {
        (TOKENS, WIDTH // HEADS, TOKENS),
        (TOKENS, TOKENS, WIDTH // HEADS),
    }


def test_twma_is_of_weights_and_latency_of_everything(vit: tuple[Topology, int]) -> None:
    topology, _ = vit
    counts = simulate(topology, PRESETS["scale"])
    weights = topology.of_weights(counts)
    computed = [record for record in counts if "attention#" in record.layer]
    assert len(weights) == 2 + 4 * BLOCKS
    assert len(weights) + len(computed) == len(counts)
    # Output stationary on 32 rows: each weight is read once for every 32 of the 196 or 197 vectors.
    stored = 3 * 256 * WIDTH + BLOCKS * 12 * WIDTH * WIDTH
    assert twma(weights, weight_bits=8) == (7 * stored + 1000 * WIDTH) / 8
    assert total_cycles(counts) == total_cycles(weights) + total_cycles(computed)
    assert total_cycles(computed) > 0.05 * total_cycles(weights)
