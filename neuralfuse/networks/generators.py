"""The six NeuralFuse generators of Sun et al., Tables 4 and 5.

Each maps an image x of shape (N, 3, H, W) in [-1, 1] to clip(x + G(x), -1, 1) of the same shape.
H and W are divisible by 8. Where the tables and the parameter counts of Table 7 disagree, the counts
decide: ConvL ends in 3 channels, DeConvL in a deconvolution, the UNets' 3 x 3 convolutions have no bias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Generator(nn.Module):
    """Adds what `transform` makes of an image to the image, within [-1, 1].

    Raises:
        ValueError: the image's extents are not multiples of 8.
    """

    def transform(self, x: Tensor) -> Tensor:
        """G(x), shaped like x."""
        raise AttributeError(f"{type(self).__name__} defines no transform")

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2] % 8 or x.shape[-1] % 8:
            raise ValueError(f"image is {x.shape[-2]} x {x.shape[-1]}, expected multiples of 8")
        return torch.clamp(x + self.transform(x), -1.0, 1.0)


class SequentialGenerator(Generator):
    """A generator whose layers follow one another."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def transform(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def conv_large() -> Generator:
    """ConvL: three encoder stages of two convolutions, three decoder stages with nearest upsampling."""
    return SequentialGenerator(
        *_conv(3, 32), *_conv(32, 32), _pool(),
        *_conv(32, 64), *_conv(64, 64), _pool(),
        *_conv(64, 128), *_conv(128, 128), _pool(),
        *_conv(128, 128), _upsample(), *_conv(128, 128),
        *_conv(128, 64), _upsample(), *_conv(64, 64),
        *_conv(64, 32), _upsample(), *_conv(32, 32),
        *_head(nn.Conv2d(32, 3, 3, padding=1)),
    )  # fmt: skip


def conv_small() -> Generator:
    """ConvS: one convolution a stage; three channels already at half resolution."""
    return SequentialGenerator(
        *_conv(3, 32), _pool(),
        *_conv(32, 64), _pool(),
        *_conv(64, 64), _pool(),
        *_conv(64, 64), _upsample(),
        *_conv(64, 32), _upsample(),
        *_conv(32, 3), _upsample(),
        *_head(nn.Conv2d(3, 3, 3, padding=1)),
    )  # fmt: skip


def deconv_large() -> Generator:
    """DeConvL: ConvL's encoder, deconvolutions in the decoder."""
    return SequentialGenerator(
        *_conv(3, 32), *_conv(32, 32), _pool(),
        *_conv(32, 64), *_conv(64, 64), _pool(),
        *_conv(64, 128), *_conv(128, 128), _pool(),
        *_conv(128, 128),
        *_deconv(128, 64), *_conv(64, 64),
        *_deconv(64, 32), *_conv(32, 32),
        *_head(nn.ConvTranspose2d(32, 3, 4, stride=2, padding=1)),
    )  # fmt: skip


def deconv_small() -> Generator:
    """DeConvS: ConvS's encoder, three deconvolutions."""
    return SequentialGenerator(
        *_conv(3, 32), _pool(),
        *_conv(32, 64), _pool(),
        *_conv(64, 64), _pool(),
        *_deconv(64, 64),
        *_deconv(64, 32),
        *_head(nn.ConvTranspose2d(32, 3, 4, stride=2, padding=1)),
    )  # fmt: skip


class UNet(Generator):
    """Ronneberger et al.'s U-Net with four levels of `width`, 2, 4 and 8 x `width` channels.

    The 2 x 2 deconvolutions have padding 0, as in the float branch of the authors' code. Table 5 and the
    quantized branch, whose accuracies are the published ones, have 1, which loses a pixel on each side;
    that ring is padded with zeros again (`ring`). Parameters are the same.
    """

    def __init__(self, width: int, *, ring: bool = False) -> None:
        super().__init__()
        self.ring = ring
        self.down1 = _double(3, width)
        self.down2 = nn.Sequential(_pool(), _double(width, 2 * width))
        self.down3 = nn.Sequential(_pool(), _double(2 * width, 4 * width))
        self.down4 = nn.Sequential(_pool(), _double(4 * width, 8 * width))
        self.deconv3 = nn.ConvTranspose2d(8 * width, 4 * width, 2, stride=2)
        self.up3 = _double(8 * width, 4 * width)
        self.deconv2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.up2 = _double(4 * width, 2 * width)
        self.deconv1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up1 = _double(2 * width, width)
        self.head = nn.Conv2d(width, 3, 1)

    def transform(self, x: Tensor) -> Tensor:
        level1 = self.down1(x)
        level2 = self.down2(level1)
        level3 = self.down3(level2)
        up = self._ringed(self.deconv3(self.down4(level3)))
        up = self._ringed(self.deconv2(self.up3(torch.cat([level3, up], dim=1))))
        up = self._ringed(self.deconv1(self.up2(torch.cat([level2, up], dim=1))))
        out: Tensor = self.head(self.up1(torch.cat([level1, up], dim=1)))
        return out

    def _ringed(self, x: Tensor) -> Tensor:
        return functional.pad(x[..., 1:-1, 1:-1], (1, 1, 1, 1)) if self.ring else x


def unet_large() -> Generator:
    """UNetL: 16 channels at full resolution."""
    return UNet(16)


def unet_small() -> Generator:
    """UNetS: 8 channels at full resolution."""
    return UNet(8)


def unet_large_released() -> Generator:
    """UNetL with padding 1 in its deconvolutions, as in Table 5 and the quantized released code."""
    return UNet(16, ring=True)


def unet_small_released() -> Generator:
    """UNetS with padding 1 in its deconvolutions, as in Table 5 and the quantized released code."""
    return UNet(8, ring=True)


def _conv(channels_in: int, channels: int, *, bias: bool = True) -> tuple[nn.Module, ...]:
    conv = nn.Conv2d(channels_in, channels, 3, padding=1, bias=bias)
    return conv, nn.BatchNorm2d(channels), nn.ReLU()


def _double(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*_conv(channels_in, channels, bias=False), *_conv(channels, channels, bias=False))


def _deconv(channels_in: int, channels: int) -> tuple[nn.Module, ...]:
    deconv = nn.ConvTranspose2d(channels_in, channels, 4, stride=2, padding=1)
    return deconv, nn.BatchNorm2d(channels), nn.ReLU()


def _head(last: nn.Module) -> tuple[nn.Module, ...]:
    return last, nn.BatchNorm2d(3), nn.Tanh()


def _pool() -> nn.Module:
    return nn.MaxPool2d(2)


def _upsample() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="nearest")
