"""VGG11, 16 and 19 with batch normalisation, in the CIFAR and the ImageNet form."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from neuralfuse.networks.forms import scaled

CHANNELS: dict[int, tuple[tuple[int, ...], ...]] = {
    11: ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    16: ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    19: ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}
"""Output channels of the 3 x 3 convolutions by depth; each group ends in a 2 x 2 max pooling."""


class VGG(nn.Module):
    """Simonyan and Zisserman, "Very deep convolutional networks", with batch normalisation.

    The CIFAR form ends in one linear layer; the ImageNet form in torchvision's three, the hidden two
    with 4,096 units each. Input (N, 3, 32, 32) or (N, 3, 224, 224).
    """

    def __init__(self, depth: int, *, classes: int, imagenet: bool, width: float = 1.0) -> None:
        super().__init__()
        features: list[nn.Module] = []
        channels_in = 3
        for group in CHANNELS[depth]:
            for full in group:
                channels = scaled(full, width)
                features += [
                    nn.Conv2d(channels_in, channels, 3, padding=1),
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                ]
                channels_in = channels
            features.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*features)
        if imagenet:
            hidden = scaled(4096, width)
            self.pool: nn.Module = nn.AdaptiveAvgPool2d(7)
            self.classifier: nn.Module = nn.Sequential(
                nn.Linear(channels_in * 7 * 7, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, classes),
            )
        else:
            self.pool = nn.Identity()
            self.classifier = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.pool(self.features(x)).flatten(1))
        return logits


vgg11 = partial(VGG, 11)
vgg16 = partial(VGG, 16)
vgg19 = partial(VGG, 19)
