"""SimpleNet in the two forms of Stutz et al., Table 6."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from neuralfuse.networks.forms import scaled, small_images_only

Layer = tuple[int, int]
"""Output channels and kernel of a convolution."""

CIFAR: tuple[tuple[Layer, ...], ...] = (
    ((64, 3), (128, 3), (128, 3), (128, 3)),
    ((128, 3), (128, 3), (256, 3)),
    ((256, 3), (256, 3)),
    ((512, 3),),
    ((2048, 1), (256, 1)),
    ((256, 3),),
)
"""Convolutions for 32 x 32 colour images; a 2 x 2 max pooling follows each group but the last."""

MNIST: tuple[tuple[Layer, ...], ...] = (
    ((32, 3), (64, 3), (64, 3), (64, 3)),
    ((64, 3), (64, 3), (128, 3)),
    ((256, 3), (1024, 1), (128, 1)),
    ((128, 3),),
)
"""Convolutions for 28 x 28 grey images: half the channels, one group less."""

MNIST_BORDER = 2
"""Pixels of background that the data sets here put around the 28 x 28 images of MNIST and Fashion-MNIST."""


class SimpleNet(nn.Module):
    """HasanPour et al., "Lets keep it simple", as Stutz et al. use it; average pooling before the classifier.

    Every convolution has a bias, a normalisation and a ReLU. The 1 x 1 convolutions lead into and out of
    the widest layer: so the weights of Table 6 come out. Where the table prints the average pooling, the
    released code has a max pooling, which differs on MNIST alone. Input (N, 3, 32, 32).
    """

    def __init__(
        self,
        groups: tuple[tuple[Layer, ...], ...],
        *,
        grey: bool,
        classes: int,
        imagenet: bool = False,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        small_images_only("SimpleNet", imagenet=imagenet)
        self.grey = grey
        layers: list[nn.Module] = []
        channels_in = 1 if grey else 3
        for group in groups:
            for full, kernel in group:
                channels = scaled(full, width)
                layers += [
                    nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2),
                    nn.BatchNorm2d(channels),
                    nn.ReLU(),
                ]
                channels_in = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels_in, classes)

    def forward(self, x: Tensor) -> Tensor:
        if self.grey:
            border = slice(MNIST_BORDER, -MNIST_BORDER)
            x = x.mean(dim=1, keepdim=True)[:, :, border, border]
        logits: Tensor = self.classifier(self.pool(self.features(x)).flatten(1))
        return logits


simplenet = partial(SimpleNet, CIFAR, grey=False)
simplenet_mnist = partial(SimpleNet, MNIST, grey=True)
