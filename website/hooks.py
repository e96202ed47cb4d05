"""What MkDocs calls while it builds the site: generated pages, notebooks and outputs of commands put in.

Outputs are kept in ``.docs-cache`` (``NFENERGY_DOCS_CACHE_DIR`` moves it) until a page or the code changes.
"""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from website import examples, formulas
from website.claims import claims_pages
from website.docstrings import undocumented
from website.notebooks import run_notebook
from website.references import ROOMS, columns_page, commands_page, names_page
from website.texts import texts

ROOT = Path(__file__).parents[1]
CACHE = Path(os.environ.get("NFENERGY_DOCS_CACHE_DIR", ROOT / ".docs-cache"))
CLAIMS = "claims.md"
OUTSIDE = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
STYLE_OUTSIDE = re.compile(r"(?:@import|url\()\s*[\"']?(?:https?:)?//")


def on_files(files: Files, *, config: Any) -> Files:
    """Add the generated pages, run notebooks and commands."""
    generated: dict[str, str | bytes | Path] = {
        "reference/commands.md": commands_page(),
        "reference/columns.md": columns_page(),
        "reference/names.md": names_page(),
        **texts(),
        **claims_pages(ROOT / "results"),
    }
    digest = _digest()
    for file in list(files):
        if file.src_uri.endswith(".ipynb"):
            page, pictures = run_notebook(Path(file.abs_src_path), cache=CACHE, digest=digest)
            folder = file.src_uri.rpartition("/")[0]
            generated[file.src_uri.removesuffix(".ipynb") + ".md"] = page
            generated |= {f"{folder}/{name}": data for name, data in pictures.items()}
    for uri, content in generated.items():
        files.append(_file(config, uri, content))
    _run_examples(files, config, digest)
    silent = undocumented(file.content_string for file in files.documentation_pages())
    if silent:
        raise PluginError(f"no docstring: {', '.join(silent)}")
    return files


def _file(config: Any, uri: str, content: str | bytes | Path) -> File:
    if isinstance(content, Path):
        return File.generated(config, uri, abs_src_path=str(content))
    return File.generated(config, uri, content=content)


def _run_examples(files: Files, config: Any, digest: str) -> None:
    """Replace every page that runs commands by one with their outputs; two pages at a time or more."""
    pages = [file for file in files.documentation_pages() if examples.steps_of(file.content_string)]
    pages.sort(
        key=lambda file: len(examples.steps_of(file.content_string)), reverse=True
    )  # the longest first

    def run(file: File) -> tuple[list[str], Path] | str:
        name = file.src_uri.removesuffix(".md")
        try:
            return examples.run_page(name, file.content_string, cache=CACHE, digest=digest)
        except examples.ExampleError as error:
            return str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(run, pages))
    done = [result for result in results if not isinstance(result, str)]
    if len(done) < len(results):
        raise PluginError("\n".join(result for result in results if isinstance(result, str)))
    for file, (outputs, kept) in zip(pages, done, strict=True):
        markdown = file.content_string
        prefix = f"made/{file.src_uri.removesuffix('.md').rpartition('/')[2]}/"
        folder = file.src_uri.rpartition("/")[0]
        for name in examples.made_files(markdown):
            uri = "/".join(filter(None, [folder, f"{prefix}{name}"]))
            files.append(File.generated(config, uri, abs_src_path=str(kept / name)))
        files.remove(file)
        files.append(_file(config, file.src_uri, examples.written(markdown, outputs, prefix=prefix)))


def _digest() -> str:
    """Of everything that decides what commands print: code, data, pinned versions."""
    found = sha256()
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    paths += [ROOT / "requirements.lock", ROOT / "website/examples.py", ROOT / "website/notebooks.py"]
    for path in sorted(paths):
        if path.suffix not in (".pyc", ".md"):
            found.update(path.relative_to(ROOT).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def on_config(config: Any) -> Any:
    """Recorded results into the navigation."""
    pages = [
        uri for uri in claims_pages(ROOT / "results") if uri.startswith("claims/") and uri.endswith(".md")
    ]
    if pages:
        config.nav = _with_claims(config.nav, pages)
    return config


def _with_claims(nav: Any, pages: list[str]) -> Any:
    if isinstance(nav, list):
        return [_with_claims(item, pages) for item in nav]
    if isinstance(nav, dict):
        return {name: _with_claims(item, pages) for name, item in nav.items()}
    return [CLAIMS, *pages] if nav == CLAIMS else nav


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Take the formulas out of the text."""
    text, page.meta["formulas"] = formulas.marked(markdown)
    return text


def on_page_content(html: str, *, page: Any, config: Any, files: Files) -> str:
    """Put them back as MathML."""
    return formulas.unmarked(html, page.meta.pop("formulas"))


def on_post_build(*, config: Any) -> None:
    """Nothing on the site may be fetched from elsewhere."""
    site = Path(config.site_dir)
    found = [
        f"{path.relative_to(site)}: {match[0][:120]}"
        for pattern, suffix in ((OUTSIDE, "*.html"), (STYLE_OUTSIDE, "*.css"))
        for path in sorted(site.rglob(suffix))
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
        if 'rel="canonical"' not in match[0]
    ]
    if found:
        raise PluginError("pages that fetch something from elsewhere: " + "; ".join(found[:5]))
