"""Notebooks of the site: executed, and made into Markdown with what they show."""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

SECONDS = 600
Files = dict[str, bytes]


def run_notebook(path: Path, *, cache: Path, digest: str) -> tuple[str, Files]:
    """A notebook as Markdown with its outputs, and the pictures in them by file name.

    Args:
        path: of the notebook.
        cache: folder of kept outputs and simulated layers.
        digest: of everything that decides what the cells show, but for the notebook itself.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    import nbformat

    text = path.read_text(encoding="utf-8")
    kept = cache / "notebooks" / f"{path.stem}-{sha256((digest + text).encode()).hexdigest()[:16]}.json"
    if kept.exists():
        notebook = nbformat.reads(kept.read_text(encoding="utf-8"), as_version=4)
    else:
        notebook = _executed(nbformat.reads(text, as_version=4), cache)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(notebook), encoding="utf-8")
    return _markdown(notebook, path)


def _executed(notebook: Any, cache: Path) -> Any:
    from nbclient import NotebookClient

    os.environ["NFENERGY_CACHE_DIR"] = str(cache / "layers")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    return notebook


def _markdown(notebook: Any, path: Path) -> tuple[str, Files]:
    parts: list[str] = []
    files: Files = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        words = str(cell.metadata.get("alt", "figure"))
        parts += [_shown(output, path.stem, files, words) for output in cell.outputs]
    parts.append(f"[Download this notebook]({path.name})")
    return "\n\n".join(part for part in parts if part) + "\n", files


def _shown(output: Any, stem: str, files: Files, words: str) -> str:
    """One output in the form that shows most: picture, with what it shows in words, table, text."""
    if output.output_type == "stream":
        return _text(output.text) if output.name == "stdout" else ""
    data = output.get("data", {})
    if "image/png" in data:
        name = f"{stem}-{len(files) + 1}.png"
        files[name] = base64.b64decode(data["image/png"])
        return f"![{words}]({name})"
    if "text/html" in data and re.sub("<[^>]*>", "", data["text/html"]).strip():
        return f'<div class="notebook-output" markdown="0">\n{data["text/html"]}\n</div>'
    return _text(data.get("text/plain", ""))


def _text(text: str) -> str:
    return f"````{{ .text .output }}\n{text.rstrip()}\n````" if text.strip() else ""
