"""What is shipped: both archives, the wheel outside the checkout, licences beside the data, the citation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
VERSION = PROJECT["project"]["version"]
ROOMS = ("nfenergy", "topologies", "energy", "neuralfuse", "reports")
LICENSED = {
    "energy/data": "energy/data/README.md",
    "topologies/csv": "topologies/csv/README.md",
    "reports/published": "reports/published/README.md",
    "nfenergy/experiments": "nfenergy/experiments/recipes/README.md",
}
"""The folders with data, and the file beside each that states where its data come from."""


@cache
def shipped_files() -> frozenset[str]:
    """Every file that a room must bring along: modules, type marks, data."""
    packed = PROJECT["tool"]["setuptools"]["package-data"]
    found = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            inner = path.relative_to(ROOT / room).as_posix()
            wanted = path.suffix == ".py" or any(
                fnmatch(inner, one.replace("**/", "")) for one in packed[room]
            )
            if path.is_file() and wanted and "__pycache__" not in inner:
                found.add(f"{room}/{inner}")
    return frozenset(found)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """sdist, and the wheel that is built from it; without the network."""
    pytest.importorskip("build")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    command = [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def test_the_wheel_has_the_five_packages_with_all_their_data(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == shipped_files()


def test_the_sdist_has_them_too(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert shipped_files() <= names


def test_nfenergy_works_from_the_wheel_outside_the_checkout(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    """An environment with the wheel; what it depends on is that of this one."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    site = next((home / "lib").glob("python*")) / "site-packages"
    with zipfile.ZipFile(archives[1]) as wheel:
        wheel.extractall(site)
    (site / "beside.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages")), encoding="utf-8"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["NFENERGY_CACHE_DIR"] = str(tmp_path / "cache")
    place = tmp_path / "elsewhere"
    place.mkdir()

    def run(*command: str) -> str:
        done = subprocess.run(
            [str(home / "bin/python"), *command],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    files = run("-c", f"import {', '.join(ROOMS)}\nfor room in {ROOMS!r}: print(__import__(room).__file__)")
    assert all(Path(file).is_relative_to(home) for file in files.split())
    assert run("-m", "nfenergy", "--version").split() == ["nfenergy", VERSION]
    for kind in ("curves", "energy-tables", "published"):
        assert run("-m", "nfenergy", "list", kind).count("\n") > 3
    said = run(
        "-m", "nfenergy", "simulate", "--base", "vgg11", "--gen", "convs", "--engine", "closed-form", "--json"
    )
    assert json.loads(said)["provenance"]["versions"]["nfenergy"] == VERSION
    run("-m", "nfenergy", "report", "--base", "vgg11", "--out", "report.html", "--quiet")
    assert (place / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("folder", LICENSED)
def test_licence_and_source_of_every_datum_stand_beside_it(folder: str) -> None:
    said = (ROOT / LICENSED[folder]).read_text(encoding="utf-8")
    assert "Licence:" in said
    if folder in ("energy/data", "reports/published"):  # of the others one statement is true of every file
        data = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".csv", ".yaml")]
        assert data
        assert [path.name for path in data if path.name not in said] == []


def test_no_data_is_shipped_elsewhere() -> None:
    data = {name for name in shipped_files() if not name.endswith((".py", "py.typed"))}
    outside = {name for name in data if not name.startswith(tuple(f"{folder}/" for folder in LICENSED))}
    assert {name.rpartition("/")[0] for name in outside} == {"reports/templates"}


def test_the_citation_is_of_this_version_and_names_both_papers() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == VERSION
    assert citation["license"] == PROJECT["project"]["license"]
    titles = [reference["title"] for reference in citation["references"]]
    assert len(titles) == 2
    assert any("NeuralFuse" in title for title in titles)
    assert any("Bit Error Robustness" in title for title in titles)


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(r"^## (\S+)", text, re.MULTILINE)
    assert found is not None
    assert found[1] == VERSION
