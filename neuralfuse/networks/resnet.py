"""ResNets in the CIFAR form (3 x 3 stem); 18 and 50 also in the ImageNet form (7 x 7, torchvision's shapes).

The stem's ReLU and the average pooling are functional calls, which ptflops 0.7 does not count: the
published 557.14M MACs of ResNet18 contain neither.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from neuralfuse.networks.forms import scaled, small_images_only


def resnet18(*, classes: int, imagenet: bool, width: float = 1.0) -> nn.Module:
    """He et al., "Deep residual learning", basic blocks; input (N, 3, 32, 32) or (N, 3, 224, 224)."""
    return ResNet(BasicBlock, (2, 2, 2, 2), classes=classes, imagenet=imagenet, width=width)


def resnet50(*, classes: int, imagenet: bool, width: float = 1.0) -> nn.Module:
    """He et al., "Deep residual learning", bottlenecks; the stride is in their 3 x 3 convolution."""
    return ResNet(Bottleneck, (3, 4, 6, 3), classes=classes, imagenet=imagenet, width=width)


def resnet20(*, classes: int, imagenet: bool = False, width: float = 1.0) -> nn.Module:
    """Three stages of three basic blocks with 64, 128 and 256 channels; input (N, 3, 32, 32).

    Stutz et al., Table 14, in the widths of their code: four times those of He et al.'s ResNet-20.
    """
    small_images_only("ResNet20", imagenet=imagenet)
    return ResNet(BasicBlock, (3, 3, 3), classes=classes, imagenet=False, width=width)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels_in, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = _shortcut(channels_in, channels, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        activated: Tensor = self.relu2(out + self.shortcut(x))
        return activated


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and a shortcut; four times as many channels leave it."""

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels_in, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu1 = nn.ReLU()
        self.conv2 = _conv(channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.conv3 = _conv(channels, channels * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(channels * self.expansion)
        self.shortcut = _shortcut(channels_in, channels * self.expansion, stride)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        activated: Tensor = self.relu3(out + self.shortcut(x))
        return activated


class ResNet(nn.Module):
    """Stem, for each depth a stage of residual blocks, global average pooling, classifier."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, ...],
        *,
        classes: int,
        imagenet: bool,
        width: float,
    ) -> None:
        super().__init__()
        channels = [scaled(64 * 2**stage, width) for stage in range(len(depths))]
        self.conv1 = _conv(3, channels[0], 7, 2) if imagenet else _conv(3, channels[0], 3)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if imagenet else nn.Identity()
        self.stages = tuple(f"layer{number}" for number in range(1, len(depths) + 1))
        channels_in = channels[0]
        for stage, depth in enumerate(depths):
            blocks: list[nn.Module] = []
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(channels_in, channels[stage], stride))
                channels_in = channels[stage] * block.expansion
            self.add_module(self.stages[stage], nn.Sequential(*blocks))
        self.fc = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        for stage in self.stages:
            x = self.get_submodule(stage)(x)
        logits: Tensor = self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
        return logits


def _conv(channels_in: int, channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels, kernel, stride=stride, padding=kernel // 2, bias=False)


def _shortcut(channels_in: int, channels: int, stride: int) -> nn.Module:
    if stride == 1 and channels_in == channels:
        return nn.Identity()
    return nn.Sequential(_conv(channels_in, channels, 1, stride), nn.BatchNorm2d(channels))
