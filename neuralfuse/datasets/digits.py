"""scikit-learn's handwritten digits: real data that is there without a download."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from neuralfuse.datasets.images import LabelledImages, Splits

TRAIN_IMAGES = 1437
SPLIT_SEED = 0


def load_digits() -> Splits:
    """The 1,797 digits of 8 x 8 pixels at 3 x 32 x 32, bilinear, floats in [-1, 1].

    1,437 are for training and 360 for testing, by a permutation that is always the same.
    """
    from sklearn.datasets import load_digits as bundled

    digits = bundled()
    order = np.random.default_rng(SPLIT_SEED).permutation(len(digits.target))
    pixels = torch.tensor(digits.images[order], dtype=torch.float32)[:, None] / 16.0
    large = F.interpolate(pixels, size=(32, 32), mode="bilinear", align_corners=False)
    images = (2.0 * large - 1.0).repeat(1, 3, 1, 1)
    labels = torch.tensor(digits.target[order], dtype=torch.int64)
    return Splits(
        name="digits",
        train=LabelledImages(images=images[:TRAIN_IMAGES], labels=labels[:TRAIN_IMAGES]),
        test=LabelledImages(images=images[TRAIN_IMAGES:], labels=labels[TRAIN_IMAGES:]),
    )
