"""nfenergy: energy, accuracy and latency of accelerators with low-voltage weight SRAM and NeuralFuse.

`nfenergy.api` has what a notebook calls; its names are to be had from here, and are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nfenergy.api import (
        assign as assign,
    )
    from nfenergy.api import (
        layers as layers,
    )
    from nfenergy.api import (
        load_curve as load_curve,
    )
    from nfenergy.api import (
        protections as protections,
    )
    from nfenergy.api import (
        published as published,
    )
    from nfenergy.api import (
        recommend as recommend,
    )
    from nfenergy.api import (
        sensitivity as sensitivity,
    )
    from nfenergy.api import (
        simulate as simulate,
    )
    from nfenergy.api import (
        sweep as sweep,
    )
    from nfenergy.api import (
        topology_of as topology_of,
    )
    from nfenergy.api import (
        tradeoff as tradeoff,
    )

    __version__: str

API = (
    "assign",
    "layers",
    "load_curve",
    "protections",
    "published",
    "recommend",
    "sensitivity",
    "simulate",
    "sweep",
    "topology_of",
    "tradeoff",
)
__all__ = [*API, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nfenergy")
    if name in API:
        from nfenergy import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
