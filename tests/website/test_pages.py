"""Every command on the pages is run by the build, and the generated pages hold all that there is."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from nfenergy.commands import COMMANDS
from nfenergy.ground.columns import columns
from nfenergy.listing import KINDS, names
from reports.records import Saving
from website.claims import claims_pages
from website.examples import FENCE, commands_of
from website.references import FILES, columns_page, commands_page, names_page, records, table
from website.texts import demoted, linked, texts

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
INSTALLING = ("make demo", "source .venv/bin/activate", "python3 -m venv nfenergy-env")
PIP = re.compile(r"nfenergy-env/bin/pip install nfenergy-(?P<version>[\d.]+)-py3-none-any\.whl")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_is_run_by_the_build(page: Path) -> None:
    """But for those that set up an environment, which the tests of make and wheel do."""
    text = page.read_text(encoding="utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for fence in FENCE.finditer(text):
        words = fence["info"].split()
        if words[0] in ("console", "sh", "bash", "shell") and "run" not in words:
            for command in commands_of(fence["body"]):
                pip = PIP.fullmatch(command)
                assert command in INSTALLING or (pip and pip["version"] == version), command
    outside = FENCE.sub("", text)
    assert not re.findall(r"^(?: {4}|\t)\$? ?(?:nfenergy|python|make) .*$", outside, re.MULTILINE)


def test_the_reference_has_every_command_and_option() -> None:
    page = commands_page()
    for name in COMMANDS:
        assert f"\n## {name}\n" in page
    assert "| `--min-accuracy` |" in page
    assert "| `--seed` | Of all random numbers of the run. | whole number | `0` |" in page
    assert "`--leakage` `--no-leakage`" in page


def test_the_reference_has_every_column_of_every_table() -> None:
    found = {record.__name__ for record in records()}
    assert set(FILES) <= found
    page = columns_page()
    for record in records():
        for column in columns(record):
            assert f"| `{column.name}` |" in page


def test_a_new_column_is_on_the_page() -> None:
    assert all(dataclasses.is_dataclass(record) for record in records())
    assert len(columns(Saving)) == columns_page().split("## Tradeoff")[0].count("\n| `")


def test_the_reference_has_every_name() -> None:
    page = names_page()
    for kind in KINDS:
        assert f"\n## {kind}\n" in page
        assert all(f"| `{name}` |" in page for name in names(kind))


def test_no_results_are_said_to_be_none(tmp_path: Path) -> None:
    pages = claims_pages(tmp_path / "results")
    assert list(pages) == ["claims.md"]
    assert "No result is recorded in this checkout" in str(pages["claims.md"])


def test_results_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "recovery.md").write_text(
        "# Recovery\n\n[t](deep/t.csv) [code](../neuralfuse/x.py) ![p](deep/p.png)\n", encoding="utf-8"
    )
    (tmp_path / "deep/t.csv").write_text(
        "base,value\n" + "".join(f"a|b,{n}\n" for n in range(70)), encoding="utf-8"
    )
    (tmp_path / "deep/p.png").write_bytes(b"png")
    pages = claims_pages(tmp_path)
    said = str(pages["claims.md"])
    assert "No result" not in said
    assert "[Recovery](claims/recovery.md)" in said
    assert "The first 60 of 70 rows. [The whole table](claims/deep/t.csv)" in said
    assert "| a\\|b | 0 |" in said
    assert "| a\\|b | 60 |" not in said
    text = str(pages["claims/recovery.md"])
    assert "[t](deep/t.csv)" in text
    assert "![p](deep/p.png)" in text
    assert "code (`../neuralfuse/x.py`)" in text
    assert pages["claims/deep/p.png"] == tmp_path / "deep/p.png"


def test_claims_of_experiments_are_one_table(tmp_path: Path) -> None:
    for name, verdict in (("first", "holds"), ("second", "undecided")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(f"# The {name}\n", encoding="utf-8")
        (tmp_path / name / "claims.csv").write_text(f"claim,verdict\nmore,{verdict}\n", encoding="utf-8")
    (tmp_path / "stages/base").mkdir(parents=True)
    (tmp_path / "stages/base/log.csv").write_text("a\n1\n", encoding="utf-8")
    pages = claims_pages(tmp_path)
    said = str(pages["claims.md"])
    assert "| [first](claims/first/README.md) | more | holds |\n| [second](claims/second/README.md)" in said
    assert "[The second](claims/second/README.md)" in said
    assert "### " not in said
    assert not [name for name in pages if "stages" in name]


def test_texts_of_the_repository_are_pages() -> None:
    found = texts()
    assert "Licence:" in found["data.md"]
    assert found["data.md"].count("\n# ") == 0
    assert demoted("# A\n## B\n") == "## A\n### B\n"
    assert linked("[a](b.md) [c](d.md)", {"b.md": "e.md"}) == "[a](e.md) c (`d.md`)"


def test_a_table_escapes_its_cells() -> None:
    assert table(["a"], [["x|y"], ["<b>"]]) == "| a |\n| --- |\n| x\\|y |\n| &lt;b> |"
