"""What may be in git: the rooms agreed on; nothing of one machine, nothing large or undone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pytest

from tests.house.sources import ROOT, Offence, files, report

DIRECTORIES = frozenset(
    {".ci", "api", "benchmarks", "docs", "examples", "ledger", "migrations", "pricing", "products"}
    | {"requirements", "tests"}
)
"""The top level, exactly: a new room belongs inside one of these."""

FILE_BYTES_MAX = 3_000_000

# The words are put together here so that this file does not hold what it forbids.
FORBIDDEN = {
    "a package index": re.compile(
        "|".join(
            re.escape(host)
            for host in (
                "py" + "pi.org",
                "python" + "hosted.org",
                "deb.debian" + ".org",
                "npm" + "js",
            )
        )
    ),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|home/\w+)/"),
    "unfinished work": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
}
CURES = {
    "a package index": "requirements carry hashes and no address; pip knows its own index",
    "a path of one machine": "a path relative to the clone, or one from the settings",
    "unfinished work": "finish it, or say in docs/ what is left out and why",
}


def foreign_words(path: str, text: str) -> Iterator[Offence]:
    """Words in a file that belong to one machine, one index, or to another day."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in FORBIDDEN.items():
            match = pattern.search(line)
            if match:
                yield Offence(
                    path=path, line=number, what=f"{what} ({match.group()})", cure=CURES[what]
                )


def misplaced(names: Iterable[str]) -> set[str]:
    """The top-level directories that are too many or missing."""
    return {name.split("/")[0] for name in names if "/" in name} ^ DIRECTORIES


def test_no_file_speaks_of_one_machine_an_index_or_unfinished_work() -> None:
    found: list[Offence] = []
    for name in files():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary sample has no words
        found.extend(foreign_words(name, text))
    assert not found, report(found)


def test_no_file_is_large() -> None:
    large = [name for name in files() if (ROOT / name).stat().st_size > FILE_BYTES_MAX]
    assert not large, f"generate these into build/ instead of keeping them in git: {large}"


def test_the_top_level_is_exactly_as_agreed() -> None:
    odd = misplaced(files())
    assert not odd, f"top-level directories too many or missing: {sorted(odd)}"


def test_requirements_are_pinned_by_hash_and_hold_no_address() -> None:
    for name in ("requirements/runtime.txt", "requirements/dev.txt"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pins = re.split(r"\n(?=\S)", text.strip())
        loose = [pin.splitlines()[0] for pin in pins if "==" not in pin or "--hash=" not in pin]
        assert not loose, f"{name}: compile it again with hashes: {loose}"
        assert "://" not in text, f"{name}: compile it again without addresses"


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://py" + "pi.org/simple",
        "see https://files.python" + "hosted.org/packages",
        "deb http://deb.debian" + ".org/debian bookworm main",
        'DATA = "/wo' + 'rk/main/build"',
        "cd /ro" + "ot/clone",
        "open('/home/" + "somchai/x')",
        "# TO" + "DO: later",
    ],
)
def test_the_rule_finds_planted_words(line: str) -> None:
    assert [*foreign_words("docs/planted.md", line)]


def test_the_rule_leaves_ordinary_words_alone() -> None:
    for line in ("paper/work/done", "the user root", "a clone under /root, say", "/usr/lib"):
        assert not [*foreign_words("docs/planted.md", line)]


def test_the_rule_finds_a_planted_directory_and_a_missing_one() -> None:
    agreed = [f"{room}/x" for room in DIRECTORIES]
    assert misplaced([*agreed, "README.md"]) == set()
    assert misplaced([*agreed, "utils/x.py"]) == {"utils"}
    assert misplaced(agreed[1:]) == {agreed[0].split("/")[0]}
