"""What all tests share: a cache of their own, the command line as a user calls it, golden files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

GOLDEN_FOLDER = Path(__file__).parent / "golden"
HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"

in_scalesim = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""For tests that call SCALE-Sim in this process: it leaves open the files that it reads."""

Golden = Callable[[str, str], None]
RunCli = Callable[..., "CliResult"]
WriteTopology = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the golden files; review their diff"
    )


@pytest.fixture(autouse=True, scope="session")
def isolated_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the user's cache; one thread, because the tests share few cores."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NFENERGY_CACHE_DIR", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.delenv("COLUMNS", raising=False)  # set where the tests run on several cores
        yield folder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without any simulated layer, for this test only."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NFENERGY_CACHE_DIR", str(folder))
    return folder


@dataclass(frozen=True, slots=True)
class CliResult:
    """What a command left: exit status and both streams."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line on stderr of a failed command; fails the test where there is more or less."""
        assert self.status != 0, self.stdout
        assert "Traceback" not in self.stderr, self.stderr
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("nfenergy: "), self.stderr
        return lines[0].removeprefix("nfenergy: ")


def cli_command(*args: str | Path) -> list[str]:
    """The real command line of this environment, as a console script starts it."""
    code = "import sys; from nfenergy.cli import main; sys.argv[0] = 'nfenergy'; main()"
    return [sys.executable, "-P", "-c", code, *map(str, args)]


@pytest.fixture
def run_cli() -> RunCli:
    """Runs the command line in a process of its own."""

    def run(*args: str | Path, timeout: float = 120.0, **options: object) -> CliResult:
        done = subprocess.run(
            cli_command(*args),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            **options,  # type: ignore[call-overload]
        )
        return CliResult(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunCli:
    """Runs the command line in this process: fast, the same statuses and streams."""
    from nfenergy.cli import main

    def run(*args: str | Path) -> CliResult:
        monkeypatch.setattr(sys, "argv", ["nfenergy", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return CliResult(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def topology_file(tmp_path: Path) -> WriteTopology:
    """Writes a topology CSV of the given rows and returns its path."""

    def write(*rows: str, name: str = "net.csv", header: str = HEADER) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the reviewed file of that name; ``--update-golden`` rewrites the file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN_FOLDER / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"no golden file {name}; run pytest --update-golden and review it"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def one_torch_thread() -> None:
    import torch

    torch.set_num_threads(1)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of all files below `folder`."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def child_processes(parent: int) -> list[int]:
    """Process ids of the children of `parent` (Linux), the finished ones not yet waited for left out."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def is_alive(process: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
