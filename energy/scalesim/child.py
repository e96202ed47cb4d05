"""The child process that runs SCALE-Sim: ``python -m energy.scalesim.child FOLDER``.

FOLDER holds ``topology.csv``, ``layout.csv`` and ``array.cfg``; the reports go to ``FOLDER/report``.
The process ends when its standard input does, so that it never outlives a killed parent.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    folder = Path(sys.argv[1])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    scalesim = _patched_scalesim()
    simulation = scalesim(
        save_disk_space=True,
        verbose=False,
        config=str(folder / "array.cfg"),
        topology=str(folder / "topology.csv"),
        layout=str(folder / "layout.csv"),
    )
    simulation.run_scale(top_path=str(folder))


def _end_with_parent() -> None:
    # The buffered reader's lock would abort the interpreter at exit while this thread holds it.
    while os.read(0, 1):
        pass
    os._exit(1)


def _patched_scalesim() -> Any:
    """SCALE-Sim's class, working with numpy 2.4 and later (upstream issue 160).

    Two of its modules call ``int(max(a))`` on an n x 1 array, which numpy 2.4 made an error. They get a
    ``max`` that reduces an array to a scalar; results are the same.
    """
    import numpy as np
    from scalesim.memory import double_buffered_scratchpad_mem, read_buffer
    from scalesim.scale_sim import scalesim

    def max_of(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], list | np.ndarray) and len(args[0]):
            return np.max(args[0])
        return builtins.max(*args, **kwargs)

    for module in (double_buffered_scratchpad_mem, read_buffer):
        vars(module)["max"] = max_of
    return scalesim


if __name__ == "__main__":
    main()
