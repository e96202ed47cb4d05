"""Files of a user's own networks, for the tests of ``file.py:function``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

from torch import nn

WriteFile = Callable[..., Path]


def build(classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, padding=1, groups=4),
        nn.ConvTranspose2d(12, 6, 4, stride=2, padding=1),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, classes),
    )


def repair() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh())


def tiny() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=8), nn.Flatten(), nn.Linear(64, 10))


HEAD = "from __future__ import annotations\nimport torch\nfrom torch import nn\n\n"
NETWORKS = "\n".join(inspect.getsource(function) for function in (build, repair, tiny))
