"""Commands of a page run in order, in a folder of the page's own; their output stands beneath them."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from website.examples import ExampleError, commands_of, options_of, run_page, run_steps, steps_of, written

PAGE = """# A page

```text file=in/numbers.txt
3
1
```

Text with `code`.

```console run
$ sort in/numbers.txt
$ sort in/numbers.txt > sorted.txt
```

```console run status=3 head=1
$ printf 'one\\ntwo\\n' \\
  && exit 3
```

```console
$ not run
```

![picture](run:sorted.txt)
"""


def test_a_page_shows_what_its_commands_print(tmp_path: Path) -> None:
    outputs, kept = run_page("guide/page", PAGE, cache=tmp_path, digest="code")
    assert outputs == ["1\n3", "", "one\ntwo"]
    assert (kept / "sorted.txt").read_text(encoding="utf-8") == "1\n3\n"
    text = written(PAGE, outputs, prefix="made/page/")
    assert '```text title="in/numbers.txt"\n3\n1\n```' in text
    assert "```{ .sh .command }\nsort in/numbers.txt\n```\n\n````{ .text .output }\n1\n3\n````" in text
    assert "one\n[1 more lines]" in text
    assert "```console\n$ not run\n```" in text
    assert "![picture](made/page/sorted.txt)" in text


def test_outputs_are_kept_until_page_or_code_changes(tmp_path: Path) -> None:
    page = "```console run\n$ date +%s%N\n```\n"
    first = run_page("page", page, cache=tmp_path, digest="code")[0]
    assert run_page("page", page + "more text", cache=tmp_path, digest="code")[0] == first
    assert run_page("page", page, cache=tmp_path, digest="other code")[0] != first


def test_the_commands_are_those_of_this_checkout(tmp_path: Path) -> None:
    steps = steps_of("```console run\n$ python -c 'import nfenergy; print(nfenergy.__file__)'\n```\n")
    outputs = run_steps(steps, tmp_path / "work" / "page", cache=tmp_path / "cache")
    assert Path(outputs[0]) == Path(__file__).parents[2] / "nfenergy/__init__.py"


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("```console run\n$ exit 4\n```\n", "ended with status 4"),
        ("```console run status=1\n$ true\n```\n", "ended with status 0"),
        ("```console run\nls\n```\n", "is no command"),
        ("```console run loudly\n$ ls\n```\n", "'loudly' is no option"),
        ("```console run\n$ true\n```\n[file](run:none.txt)\n", "left no none.txt"),
    ],
)
def test_what_is_wrong_with_a_page_is_said(page: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match=said):
        run_page("page", page, cache=tmp_path, digest="code")


def test_options_and_continued_lines() -> None:
    options = options_of("console run status=2 head=5 quiet")
    assert (options.run, options.status, options.head, options.quiet) == (True, 2, 5, True)
    assert commands_of("$ a \\\n  b\n$ c\n") == ["a \\\n  b", "c"]


def test_what_runs_in_the_background_ends_with_the_page(tmp_path: Path) -> None:
    page = "```console run\n$ sleep 60 > log 2>&1 & echo $! > pid\n$ cat pid\n```\n"
    outputs, _ = run_page("page", page, cache=tmp_path, digest="code")
    for _ in range(200):
        if not _is_running(int(outputs[-1])):
            break
        time.sleep(0.05)
    assert not _is_running(int(outputs[-1]))


def _is_running(process: int) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()[:1] not in ("", "Z")
