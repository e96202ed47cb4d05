"""How the networks of torchvision, timm and transformers are listed, built and fed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from neuralfuse.registry import Dataset
from nfenergy.ground.errors import InputError

CLIP_FRAMES = 16
TOKENS = 128
AUDIO_SAMPLES = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library of networks.

    Attributes:
        names: all it has, from the imported library.
        build: a new network from the library, a name and the data set; raises what the library raises.
        inputs: from name, network, data set and batch what the network's forward pass takes; None for one
            image of the data set's shape.
    """

    names: Callable[[Any], list[str]]
    build: Callable[[Any, str, Dataset], Any]
    inputs: Callable[[str, Any, Dataset, int], Any]


def is_config_file(name: str) -> bool:
    """Whether a transformers network is named by its configuration."""
    return name.endswith(".json")


def _torchvision_names(torchvision: Any) -> list[str]:
    names: list[str] = torchvision.models.list_models()
    return [name for name in names if not name.startswith("quantized_")]


def _build_torchvision(torchvision: Any, name: str, dataset: Dataset) -> Any:
    _check_name("torchvision", name.lower(), _torchvision_names(torchvision))
    builder = torchvision.models.get_model_builder(name)
    options: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(builder).parameters:
        options["weights_backbone"] = None
    if ".optical_flow" not in builder.__module__:
        options["num_classes"] = dataset.classes
    return builder(**options)


def _torchvision_inputs(name: str, module: Any, dataset: Dataset, batch: int) -> Any:
    import torch

    family = type(module).__module__
    channels, *extents = dataset.image_shape
    if ".optical_flow" in family:
        return tuple(torch.zeros(batch, channels, *extents) for _ in range(2))
    if ".video" in family:
        return (torch.zeros(batch, channels, CLIP_FRAMES, *extents),)
    return None


def _timm_names(timm: Any) -> list[str]:
    names: list[str] = timm.list_models()
    return names


def _build_timm(timm: Any, name: str, dataset: Dataset) -> Any:
    _check_name("timm", name, _timm_names(timm))
    return timm.create_model(name, pretrained=False, num_classes=dataset.classes)


def _image(name: str, module: Any, dataset: Dataset, batch: int) -> Any:
    return None


def _transformers_names(transformers: Any) -> list[str]:
    auto = "transformers.models.auto"
    configurations = import_module(f"{auto}.configuration_auto").CONFIG_MAPPING_NAMES
    models = import_module(f"{auto}.modeling_auto").MODEL_MAPPING_NAMES
    return [name for name in configurations if name in models]


def _build_transformers(transformers: Any, name: str, dataset: Dataset) -> Any:
    """The class that a configuration file names, or the type's backbone without a head."""
    # Experts as products of their own for each token: what they multiply hangs on no value then.
    options = {"experts_implementation": "batched_mm"}
    if not is_config_file(name):
        _check_name("transformers", name, _transformers_names(transformers))
        config = transformers.AutoConfig.for_model(name)
        return transformers.AutoModel.from_config(config, **options)
    config = transformers.AutoConfig.from_pretrained(name, local_files_only=True)
    architecture = next(iter(getattr(config, "architectures", None) or ()), None)
    builder = getattr(transformers, architecture or "AutoModel")
    return getattr(builder, "from_config", builder._from_config)(config, **options)


def _transformers_inputs(name: str, module: Any, dataset: Dataset, batch: int) -> Any:
    """Token ids, images or sound, as the model's forward pass names them."""
    import torch

    config = module.config
    text = getattr(config, "text_config", None) or config
    vision = getattr(config, "vision_config", None) or config
    taken = inspect.signature(module.forward).parameters
    tokens = torch.zeros(
        batch, min(TOKENS, getattr(text, "max_position_embeddings", TOKENS)), dtype=torch.long
    )
    given: dict[str, Any] = {}
    main = getattr(module, "main_input_name", "input_ids")
    if main == "input_ids" or ("input_ids" in taken and "pixel_values" in taken):
        given["input_ids"] = tokens
    if "pixel_values" in taken:
        size = getattr(vision, "image_size", None) or dataset.image_shape[1]
        extents = tuple(size) if isinstance(size, list | tuple) else (size, size)
        channels = getattr(vision, "num_channels", None) or dataset.image_shape[0]
        given["pixel_values"] = torch.zeros(batch, channels, *extents)
    if main == "input_values":
        given["input_values"] = torch.zeros(batch, AUDIO_SAMPLES)
    if main == "input_features":
        frames = 2 * getattr(config, "max_source_positions", TOKENS)
        given["input_features"] = torch.zeros(batch, getattr(config, "num_mel_bins", 80), frames)
    if getattr(config, "is_encoder_decoder", False) and "decoder_input_ids" in taken:
        given["decoder_input_ids"] = tokens
    if not given:
        raise InputError(
            f"its forward pass takes {main}, of which nothing is known here; write a function that "
            "builds it into a file of your own, with example_inputs() beside it"
        )
    return given


def _check_name(library: str, name: str, known: list[str]) -> None:
    if name in known:
        return
    near = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    raise InputError(f"{library} has no network named {name!r}.{hint} It has {len(known)}.")


LIBRARIES: dict[str, Library] = {
    "torchvision": Library(names=_torchvision_names, build=_build_torchvision, inputs=_torchvision_inputs),
    "timm": Library(names=_timm_names, build=_build_timm, inputs=_image),
    "transformers": Library(
        names=_transformers_names, build=_build_transformers, inputs=_transformers_inputs
    ),
}
