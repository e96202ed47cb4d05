"""Networks of torchvision, timm and transformers through the converter: ``python -m benchmarks.zoo``.

Whatever of the three libraries is installed is tried; none is a dependency. Each network is exported under
the convention ``exact``, and the MACs of its topology's rows are compared with two counts of a run of its
own: torch's ``FlopCounterMode``, and `benchmarks.called_macs`, which shares neither the converter's view of
the network nor its formulas. A Markdown table goes to stdout, or into a file: ``--out docs/zoo.md``.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.called_macs import CalledMacs
from neuralfuse.library_networks import LibraryNetwork, library_network
from neuralfuse.registry import Dataset
from nfenergy.ground.errors import NfEnergyError
from nfenergy.networks import NetworkModel, build_network_model
from topologies.convention import CONVENTIONS
from topologies.inputs import ModelInputs

EXACT = CONVENTIONS["exact"]

# Name, and its input where that is not 3 x 224 x 224.
TORCHVISION = """
    alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3@3x299x299
    maxvit_t mnasnet1_0 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_y_400mf
    resnet18 resnet50 resnext50_32x4d shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t
    vgg16 vgg16_bn vit_b_16 wide_resnet50_2
    deeplabv3_mobilenet_v3_large deeplabv3_resnet50 deeplabv3_resnet101 fcn_resnet50 fcn_resnet101
    lraspp_mobilenet_v3_large
    r3d_18 mc3_18 r2plus1d_18 s3d mvit_v1_b mvit_v2_s swin3d_t raft_small
    fasterrcnn_resnet50_fpn retinanet_resnet50_fpn ssd300_vgg16@3x300x300
"""
TIMM = """
    beit_base_patch16_224 botnet26t_256@3x256x256 halonet26t@3x256x256 lambda_resnet26t@3x256x256
    cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 convnext_atto convnextv2_atto
    crossvit_tiny_240@3x240x240
    cspdarknet53 davit_tiny deit3_small_patch16_224 dla34 dpn68 edgenext_small efficientformer_l1
    efficientformerv2_s0 tf_efficientnet_b0 efficientvit_b0 efficientvit_m0 eva02_tiny_patch14_224
    fastvit_t8@3x256x256 focalnet_tiny_srf gcvit_xxtiny ghostnetv2_100 hgnetv2_b0 hiera_tiny_224
    hrnet_w18_small inception_next_tiny inception_resnet_v2@3x299x299 inception_v4@3x299x299 levit_128
    mambaout_femto coatnet_nano_rw_224 maxvit_tiny_tf_224 poolformer_s12 caformer_s18 gmlp_s16_224
    mixer_b16_224 resmlp_12_224 lcnet_050 mobilevit_s@3x256x256 mobilevitv2_050@3x256x256 mvitv2_tiny
    nasnetalarge@3x331x331 nest_tiny nextvit_small dm_nfnet_f0 pit_ti_224 pvt_v2_b0 rdnet_tiny regnety_002
    repvit_m1 res2net50_26w_4s resnest14d ecaresnet26t resnetv2_50x1_bit rexnet_100 selecsls42b
    legacy_seresnet18 sequencer2d_s skresnet18 swiftformer_xs swin_tiny_patch4_window7_224
    swinv2_tiny_window8_256@3x256x256 tiny_vit_5m_224 tnt_s_patch16_224 twins_svt_small visformer_tiny
    vit_tiny_patch16_224 vit_relpos_small_patch16_224 samvit_base_patch16_224 volo_d1_224 ese_vovnet19b_dw
    xception41@3x299x299 xcit_nano_12_p16_224 naflexvit_base_patch16_gap@3x384x384 efficientvim_m1
"""
TRANSFORMERS = """
    bert distilbert roberta deberta-v2 gpt2 opt llama qwen3 mixtral mamba t5 bart whisper wav2vec2 vit
    segformer detr clip
"""
ZOO = {"torchvision": TORCHVISION, "timm": TIMM, "transformers": TRANSFORMERS}


class Counts(NamedTuple):
    """A network's MACs, counted without the converter; None where a counter cannot."""

    flop_counter: int | None = None
    calls: int | None = None


UNCOUNTED = Counts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One network: what came of it, or why nothing did."""

    name: str
    shown_input: str
    model: NetworkModel | None = None
    independent: Counts = UNCOUNTED
    refusal: str = ""
    seconds: float

    @property
    def macs(self) -> int:
        """Those of the topology's rows."""
        return sum(layer.macs for layer in self.model.topology.layers) if self.model else 0

    @property
    def equal(self) -> bool:
        return self.model is not None and set(self.independent) == {self.macs}

    def cells(self) -> list[str]:
        seconds = f"{self.seconds:.1f}"
        if self.model is None:
            return [self.name, self.shown_input, "refused", "", "", "", self.refusal, seconds]
        return [
            self.name,
            self.shown_input,
            f"{self.macs:,}",
            *(self._compared(count) for count in self.independent),
            f"{len(self.model.topology.layers):,}",
            str(self.model.topology.coverage),
            seconds,
        ]

    def _compared(self, count: int | None) -> str:
        if count is None:
            return "not counted"
        return "equal" if count == self.macs else f"{count:,}"


def run(library: str, names: Iterable[str]) -> Iterable[Entry]:
    """Every network of a library, one after another."""
    for entry in names:
        name, _, extents = entry.partition("@")
        yield _export(library_network(f"{library}:{name}", "base"), extents or "3x224x224")


def _export(network: LibraryNetwork, extents: str) -> Entry:
    shape = tuple(map(int, extents.split("x")))
    dataset = Dataset(name="imagenet", title="ImageNet", image_shape=shape, classes=1000, imagenet=True)  # type: ignore[arg-type]
    begin = time.perf_counter()
    try:
        model = build_network_model(network, dataset, EXACT)
    except NfEnergyError as error:
        seconds = time.perf_counter() - begin
        return Entry(name=network.name, shown_input=extents, refusal=str(error), seconds=seconds)
    seconds = time.perf_counter() - begin
    shown = _shown_input(network, dataset, extents)
    counts = independent_macs(network, dataset)
    return Entry(name=network.name, shown_input=shown, model=model, independent=counts, seconds=seconds)


def independent_macs(network: LibraryNetwork, dataset: Dataset) -> Counts:
    """MACs by both counters, on the meta device or, if that fails, on the CPU."""
    for device in ("meta", "cpu"):
        with torch.device(device), torch.no_grad():
            module = network.build(dataset).requires_grad_(False)
            given = network.example_inputs(module, dataset, batch=1)
            args, kwargs = (torch.zeros(1, *dataset.image_shape),), {}
            if given is not None:
                inputs = ModelInputs.of(given)
                args, kwargs = tree_map(
                    lambda leaf: leaf.to(device) if isinstance(leaf, torch.Tensor) else leaf,  # noqa: B023
                    (inputs.args, inputs.kwargs),
                )
            try:
                # Fused attention on the CPU escapes the counter.
                with (
                    sdpa_kernel(SDPBackend.MATH),
                    FlopCounterMode(display=False) as counter,
                    CalledMacs() as calls,
                ):
                    module(*args, **kwargs)
            except Exception:
                continue
            for call in calls.unknown:
                print(f"{network.name}: not counted: {call}", file=sys.stderr)
            return Counts(int(counter.get_total_flops()) // 2, None if calls.unknown else calls.macs)
    return UNCOUNTED


def _shown_input(network: LibraryNetwork, dataset: Dataset, extents: str) -> str:
    with torch.device("meta"):
        given = network.example_inputs(network.build(dataset), dataset, batch=1)
    if given is None:
        return extents
    inputs = ModelInputs.of(given)
    tensors = [*inputs.args, *inputs.kwargs.values()]
    return ", ".join("x".join(map(str, tensor.shape[1:])) for tensor in tensors)


def markdown(entries: list[Entry]) -> str:
    """What was tried with which versions, how many agree, and the table."""
    rows = [HEAD, ["---"] * len(HEAD), *(entry.cells() for entry in entries)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)
    lines = []
    for library in ZOO:
        of_library = [entry for entry in entries if entry.name.startswith(f"{library}:")]
        exported = sum(entry.model is not None for entry in of_library)
        equal = sum(entry.equal for entry in of_library)
        if of_library:
            lines.append(
                f"- {library}: {exported} of {len(of_library)} exported, {equal} equal by both counts"
            )
    return "\n\n".join([TITLE, INTRODUCTION.format(versions=_versions()), "\n".join(lines), table]) + "\n"


HEAD = ["network", "input", "MACs", "FlopCounterMode", "by the calls", "rows", "in the topology", "seconds"]
TITLE = "# Networks of three libraries"
INTRODUCTION = """\
Written by `python -m benchmarks.zoo --out docs/zoo.md` with {versions}. `MACs` are those of the
topology's rows under the convention `exact`. Beside them stand two counts made without the converter: that of
PyTorch's `FlopCounterMode`, and one from the shapes of the calls in the forward pass, which shares no formula
with the converter (`benchmarks/called_macs.py`). `seconds` is the time to build and convert a network."""


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in ("torch", *ZOO):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def declare_missing_operators() -> None:
    """Import a torchvision whose compiled part does not fit this PyTorch: its networks need none of it."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except Exception:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        declared = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _DECLARED.append(declared)


_DECLARED: list[torch.library.Library] = []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="*", default=list(ZOO), help="of torchvision, timm, transformers")
    parser.add_argument("--only", nargs="*", help="these networks alone, NAME or NAME@3x299x299")
    parser.add_argument("--out", type=Path, help="file for the table")
    options = parser.parse_args()
    declare_missing_operators()
    entries: list[Entry] = []
    for library in options.libraries:
        try:
            for entry in run(library, options.only or ZOO[library].split()):
                entries.append(entry)
                print(" | ".join(entry.cells()), file=sys.stderr, flush=True)
                if options.out is not None:
                    options.out.write_text(markdown(entries), encoding="utf-8")
        except NfEnergyError as error:
            print(error, file=sys.stderr)
    if options.out is None:
        print(markdown(entries))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.1f} GiB", file=sys.stderr)


if __name__ == "__main__":
    main()
