"""No room stands empty: every module of the four packages is used by somebody.

Used means imported by another module or a test, named to a server as "module:attribute", or being
a door itself (the command line's entry, a `__main__`).
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable

from tests.house.sources import OUR_PACKAGES, ROOT, Source, imports, python_sources

_NAMED = re.compile(r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+(:[a-z_]+)?$")


def unused_modules(sources: Iterable[Source], doors: Iterable[str]) -> list[str]:
    """The modules of our packages among `sources` that no other source mentions."""
    sources = tuple(sources)
    ours = {
        source.module
        for source in sources
        if source.path.split("/")[0] in OUR_PACKAGES
        and not source.path.endswith(("__init__.py", "__main__.py"))
    }
    used = set(doors)
    for source in sources:
        used |= _mentions(source) - {source.module}
    return sorted(ours - used)


def _mentions(source: Source) -> set[str]:
    said = set()
    for _, _, whole in imports(source):
        said |= {whole, whole.rpartition(".")[0]}
    for node in source.nodes:
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and _NAMED.match(text):
            said.add(text.split(":")[0])
    return said


def _doors() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [target.split(":")[0] for target in project["scripts"].values()]


def test_every_module_is_used_by_somebody() -> None:
    unused = unused_modules(python_sources(), _doors())
    assert not unused, f"import these where they are needed, or remove them: {unused}"


def test_the_rule_finds_a_planted_module_that_nobody_imports() -> None:
    def plant(user: str) -> list[str]:
        pair = (Source(path="ledger/a.py", text="x = 1"), Source(path="api/b.py", text=user))
        return unused_modules(pair, ["api.b"])

    assert plant("x = 1") == ["ledger.a"]
    for user in ("import ledger.a", "from ledger import a", "from ledger.a import x"):
        assert plant(user) == []
    assert plant("run('ledger.a:app')") == []
    assert unused_modules([Source(path="ledger/a.py", text="import ledger.a")], []) == ["ledger.a"]
