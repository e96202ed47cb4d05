"""Networks of pre-activation blocks: PreAct ResNet18 and the Wide ResNet of Stutz et al."""

from __future__ import annotations

from torch import Tensor, nn

from neuralfuse.networks.forms import scaled, small_images_only

WIDE_DEPTH, WIDE_FACTOR, WIDE_CHANNELS = 28, 10, 12
"""Depth, widening factor and base channels of the Wide ResNet; usual are 16 channels."""


def preact_resnet18(*, classes: int, imagenet: bool = False, width: float = 1.0) -> nn.Module:
    """He et al., "Identity mappings in deep residual networks", ResNet18's stages; input (N, 3, 32, 32)."""
    small_images_only("PreAct ResNet18", imagenet=imagenet)
    channels = [scaled(full, width) for full in (64, 128, 256, 512)]
    return PreActResNet(channels[0], channels, 2, classes=classes)


def wide_resnet(*, classes: int, imagenet: bool = False, width: float = 1.0) -> nn.Module:
    """Zagoruyko and Komodakis, "Wide residual networks": WRN-28-10 with 12 base channels.

    It has 20.6 million weights for CIFAR-100. As in the code of Stutz et al., convolutions have biases and
    the second one of a block has its stride. Input (N, 3, 32, 32).
    """
    small_images_only("the Wide ResNet", imagenet=imagenet)
    stem = scaled(WIDE_CHANNELS, width)
    channels = [stem * WIDE_FACTOR * 2**stage for stage in range(3)]
    return PreActResNet(stem, channels, (WIDE_DEPTH - 4) // 6, classes=classes, wide=True)


class PreActBlock(nn.Module):
    """Normalisation and ReLU before each of two 3 x 3 convolutions; a shortcut.

    Where the shortcut is a convolution it takes the activated input, in a `wide` block the input itself.
    """

    def __init__(self, channels_in: int, channels: int, stride: int, *, wide: bool) -> None:
        super().__init__()
        self.wide = wide
        first, second = (1, stride) if wide else (stride, 1)
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=first, padding=1, bias=wide)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=second, padding=1, bias=wide)
        self.shortcut: nn.Module | None = None
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=wide)

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.relu1(self.bn1(x))
        kept = x if self.shortcut is None else self.shortcut(x if self.wide else activated)
        out: Tensor = self.conv2(self.relu2(self.bn2(self.conv1(activated))))
        return out + kept


class PreActResNet(nn.Module):
    """Stem, stages of pre-activation blocks, normalisation and ReLU, global average pooling, classifier."""

    def __init__(
        self, stem: int, channels: list[int], depth: int, *, classes: int, wide: bool = False
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 3, padding=1, bias=wide)
        blocks: list[nn.Module] = []
        channels_in = stem
        for stage, channels_out in enumerate(channels):
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(PreActBlock(channels_in, channels_out, stride, wide=wide))
                channels_in = channels_out
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(channels_in)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        features = self.relu(self.bn(self.blocks(self.conv1(x))))
        logits: Tensor = self.fc(self.pool(features).flatten(1))
        return logits
