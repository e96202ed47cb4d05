"""Commands of a page: run in order in a folder of the page's own, their real output written beneath each.

A fence ``console run`` holds commands, each behind ``$ ``; a fence with ``file=NAME`` is first written into
that folder, so that later commands find it; ``run:NAME`` as the target of a link or picture is a file that
the commands left there. Options of a ``run`` fence: ``status=2`` for a command that is meant to fail so,
``head=N`` and ``tail=N`` for the first or last lines only, ``quiet`` for no output at all.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(run:(?P<name>[^)\s]+)\)")
SECONDS = 600
WIDTH = "140"


class ExampleError(Exception):
    """A command on a page did not end as the page says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a page does: a file that it writes, or a command that it runs.

    Attributes:
        file: name of the file; empty for a command.
        text: of the file or the command.
        status: that the command must end with.
    """

    file: str = ""
    text: str
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What stands behind the language of a fence."""

    run: bool = False
    quiet: bool = False
    file: str = ""
    status: int = 0
    head: int | None = None
    tail: int | None = None


def options_of(info: str) -> Options:
    """The options of a fence's first line: ``console run head=20``.

    Raises:
        ExampleError: a word that is no option.
    """
    found: dict[str, str | int | bool] = {}
    for word in info.split()[1:]:
        name, _, value = word.partition("=")
        if name in ("run", "quiet") and not value:
            found[name] = True
        elif name == "file" and value:
            found[name] = value
        elif name in ("status", "head", "tail") and value.isdigit():
            found[name] = int(value)
        else:
            raise ExampleError(f"a fence says {info!r}, and {word!r} is no option of it")
    return Options(**found)  # type: ignore[arg-type]


def commands_of(body: str) -> list[str]:
    """The commands of a ``run`` fence, continued lines together.

    >>> commands_of("$ first \\\\\\n    --more\\n$ second\\n")
    ['first \\\\\\n    --more', 'second']
    """
    found: list[str] = []
    for line in body.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            found.append(line[2:])
        elif found and found[-1].endswith("\\"):
            found[-1] += "\n" + line
        else:
            raise ExampleError(f"{line!r} is no command; write '$ ' before it")
    return found


def steps_of(markdown: str) -> list[Step]:
    """What a page does, in order."""
    steps: list[Step] = []
    for match in FENCE.finditer(markdown):
        if not _has_options(match["info"]):
            continue
        options = options_of(match["info"])
        if options.file:
            steps.append(Step(file=options.file, text=match["body"]))
        elif options.run:
            steps += [Step(text=text, status=options.status) for text in commands_of(match["body"])]
    return steps


def _has_options(info: str) -> bool:
    return re.search(r"\s(run|file=\S+)(\s|$)", info) is not None


def made_files(markdown: str) -> list[str]:
    """The files that a page shows or links to, and that its commands must leave."""
    return list(dict.fromkeys(match["name"] for match in LINK.finditer(markdown)))


def run_steps(steps: Sequence[Step], folder: Path, *, cache: Path) -> list[str]:
    """Do the steps in an empty folder; the outputs of the commands, stderr within, in their order.

    Args:
        folder: is emptied first.
        cache: of simulated layers, shared by all pages.

    Raises:
        ExampleError: a command ended with another status, or not at all.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = _environment(folder.parent / "bin", cache)
    outputs, groups = [], []
    try:
        for step in steps:
            if step.file:
                (folder / step.file).parent.mkdir(parents=True, exist_ok=True)
                (folder / step.file).write_text(step.text, encoding="utf-8")
                continue
            child = subprocess.Popen(
                ["bash", "-c", step.text],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            groups.append(child.pid)
            outputs.append(_output(child, step).replace(str(folder), "~/trial"))
    finally:
        for group in groups:  # what a page left in the background, such as a scheduler
            _end(group)
    return outputs


def _output(child: subprocess.Popen[str], step: Step) -> str:
    try:
        output, _ = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise ExampleError(f"{step.text!r} did not end within {SECONDS} s") from None
    if child.returncode != step.status:
        raise ExampleError(f"{step.text!r} ended with status {child.returncode}:\n{output}")
    return "\n".join(line.rstrip() for line in output.rstrip().split("\n"))


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGTERM)
    except ProcessLookupError:
        return


def _environment(scripts: Path, cache: Path) -> dict[str, str]:
    """As a reader has it, but that `nfenergy` and `python` are those that build the site."""
    scripts.mkdir(parents=True, exist_ok=True)
    for name, module in (
        ("nfenergy", ["-m", "nfenergy"]),
        ("dask", ["-m", "dask"]),
        ("python", []),
    ):
        text = f'#!/bin/sh\nexec {shlex.join([sys.executable, *module])} "$@"\n'
        script = scripts / name
        if not script.exists() or script.read_text(encoding="utf-8") != text:
            script.write_text(text, encoding="utf-8")
            script.chmod(0o755)
    root = str(Path(__file__).parents[1])
    return {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONSAFEPATH": "1",
        "NFENERGY_CACHE_DIR": str(cache),
        "COLUMNS": WIDTH,
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
    }


def written(markdown: str, outputs: Sequence[str], *, prefix: str) -> str:
    """The page with the outputs beneath its commands.

    Args:
        outputs: of `run_steps`.
        prefix: folder of the files that the commands left, as seen from the page.
    """
    left = iter(outputs)

    def fence(match: re.Match[str]) -> str:
        if not _has_options(match["info"]):
            return match[0]
        options = options_of(match["info"])
        if options.file:
            language = match["info"].split()[0]
            return f'```{language} title="{options.file}"\n{match["body"]}```'
        if not options.run:
            return match[0]
        return "\n\n".join(_shown(text, next(left), options) for text in commands_of(match["body"]))

    return LINK.sub(lambda match: f"]({prefix}{match['name']})", FENCE.sub(fence, markdown))


def _shown(command: str, output: str, options: Options) -> str:
    block = f"```{{ .sh .command }}\n{command}\n```"
    if options.quiet or not output:
        return block
    return f"{block}\n\n````{{ .text .output }}\n{_cut(output, options)}\n````"


def _cut(output: str, options: Options) -> str:
    lines = output.split("\n")
    if options.head is not None and len(lines) > options.head:
        return "\n".join([*lines[: options.head], f"[{len(lines) - options.head} more lines]"])
    if options.tail is not None and len(lines) > options.tail:
        return "\n".join([f"[{len(lines) - options.tail} lines before]", *lines[-options.tail :]])
    return output


def run_page(name: str, markdown: str, *, cache: Path, digest: str) -> tuple[list[str], Path]:
    """The outputs of a page's commands, from the cache if page and code are the same as then.

    Args:
        name: of the page, without a suffix.
        cache: folder of kept outputs.
        digest: of everything that decides what the commands print, but for the page itself.

    Returns:
        the outputs, and the folder with the files that the page links to.

    Raises:
        ExampleError: a command failed, or left a file that the page links to undone.
    """
    from hashlib import sha256

    steps, files = steps_of(markdown), made_files(markdown)
    said = json.dumps([digest, [asdict(step) for step in steps], files])
    kept = cache / "pages" / f"{name.replace('/', '-')}-{sha256(said.encode()).hexdigest()[:16]}"
    record = kept / "outputs.json"
    if record.exists():
        return json.loads(record.read_text(encoding="utf-8")), kept
    folder = cache / "work" / name.replace("/", "-")
    try:
        outputs = run_steps(steps, folder, cache=cache / "layers")
    except ExampleError as error:
        raise ExampleError(f"page {name}: {error}") from None
    for file in files:
        if not (folder / file).is_file():
            raise ExampleError(f"page {name}: its commands left no {file}")
        (kept / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / file, kept / file)
    kept.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(outputs), encoding="utf-8")
    return outputs, kept
