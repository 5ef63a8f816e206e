"""Statement files checked as a member does it: two files, no database, every alteration named.

The files are made once from a real book; then each test alters something and asks the verifier of
`ledger.proof.offline`, which was written from docs/evidence.md and shares no code with the maker.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from ledger import embedded
from ledger.db import open_pool
from ledger.errors import InvalidInput
from ledger.evidence.files import statement_document
from ledger.evidence.proofs import NotSealedYet
from ledger.evidence.seals import public_keys
from ledger.posting.values import Journal, Transfer
from ledger.proof.offline import (
    CANNOT_SHOW,
    COMPLETE,
    LINES,
    ORDER,
    PROVEN,
    RANGE,
    READABLE,
    SUMS,
    Verdict,
    verify_statement,
)
from ledger.proof.seal_file import CHAIN, SIGNED, TRUST
from ledger.proof.sealed import Unreadable
from tests.house.sources import ROOT
from tests.ledger.sealed_book import SealedBook, open_sealed_book

Document = dict[str, Any]
Alter = Callable[[Document, Document], object]
OTHER = "0" * 64


@pytest.fixture(scope="module")
async def kept(
    server: embedded.Lease, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Document, Document, str]]:
    """A statement file, a seal file and the fingerprint of their key."""
    name = f"t_{uuid4().hex}"
    keeper = await asyncpg.connect(server.dsn("postgres"))
    await keeper.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await open_pool(server.dsn(name))
    try:
        book = await open_sealed_book(pool, tmp_path_factory.mktemp("keys"))
        yield await _lived(book)
    finally:
        await pool.close()
        await keeper.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await keeper.close()


async def _lived(book: SealedBook) -> tuple[Document, Document, str]:
    """Three sealed days: deposits, a back-dated one, a journal with two lines on the account."""
    saver, other = book.scene.members
    async with book.pool.acquire() as connection:
        with pytest.raises(NotSealedYet):
            await statement_document(connection, book.scene.book, "SAV-0001")
    await book.close()
    await book.deposit(25_000, text="ใบฝาก 12 🙏")
    await book.deposit(1_00, value_date=date(2026, 6, 1))
    double = Journal(
        journal_id=uuid4(),
        kind=2,
        transfers=(
            Transfer(debit=saver, credit=book.scene.bank, amount_satang=300),
            Transfer(debit=other, credit=book.scene.bank, amount_satang=7),
            Transfer(debit=saver, credit=other, amount_satang=40),
        ),
    )
    assert (await book.do(double)).receipts
    await book.close()
    await book.deposit(2_00)
    await book.close()
    await book.deposit(999)  # after the last seal: not in the file
    async with book.pool.acquire() as connection:
        statement = await statement_document(
            connection, book.scene.book, "SAV-0001", from_date=date(2026, 6, 2)
        )
        with pytest.raises(InvalidInput, match="at most 3 journals"):
            await statement_document(connection, book.scene.book, "SAV-0001", most=3)
        (key,) = await public_keys(connection)
    return _as_read(statement), _as_read(await book.seal_file()), key.fingerprint


def _as_read(document: dict[str, object]) -> Document:
    """The document as it comes out of its file."""
    read: Document = json.loads(json.dumps(document))
    return read


def check(kept: tuple[Document, Document, str], alter: Alter | None = None) -> Verdict:
    """The verdict on altered copies, with the key known from elsewhere."""
    statement, seals = copy.deepcopy(kept[0]), copy.deepcopy(kept[1])
    if alter is not None:
        alter(statement, seals)
    return verify_statement(statement, seals, [kept[2]])


def test_what_was_not_altered_is_proven_and_the_key_is_the_one_that_was_given(
    kept: tuple[Document, Document, str],
) -> None:
    verdict = check(kept)
    assert verdict.report.ok, verdict.report.differences
    assert verdict.trusted
    assert verdict.signed_by == kept[2]
    assert dict(verdict.report.counts) == {"seals": 3, "lines": 5, "journals": 4}
    statement = kept[0]
    assert (statement["opening"], statement["closing"]) == ("1000.00", "1249.60")
    assert [line["amount"] for line in statement["lines"]] == [
        "250.00",
        "1.00",
        "-3.00",
        "-0.40",
        "2.00",
    ]
    assert statement["seals"] == [2, 3]


def test_without_a_key_from_elsewhere_the_verdict_says_that_it_came_with_the_file(
    kept: tuple[Document, Document, str],
) -> None:
    verdict = verify_statement(kept[0], kept[1])
    assert verdict.report.ok
    assert not verdict.trusted
    assert len(CANNOT_SHOW) == 4


def line(place: int, **changed: object) -> Alter:
    """Alter fields of a line."""
    return lambda statement, _: statement["lines"][place].update(changed)


def proof(place: int, **changed: object) -> Alter:
    """Alter fields of a proof."""
    return lambda statement, _: statement["proofs"][place].update(changed)


def head(**changed: object) -> Alter:
    """Alter the statement's head; `from_` stands for `from`."""
    named = {name.rstrip("_"): value for name, value in changed.items()}
    return lambda statement, _: statement.update(named)


def seal(place: int, **changed: object) -> Alter:
    """Alter fields of a seal."""
    return lambda _, seals: seals["seals"][place].update(changed)


def journal_byte(place: int, at: int) -> Alter:
    """Flip a bit in a journal's bytes."""

    def alter(statement: Document, _: Document) -> None:
        data = bytearray.fromhex(statement["proofs"][place]["journal"])
        data[at] ^= 1
        statement["proofs"][place]["journal"] = data.hex()

    return alter


def consistent_lie(statement: Document, _: Document) -> None:
    """A larger amount in line, bytes and every sum after it: all but the path agrees."""
    data = bytearray.fromhex(statement["proofs"][0]["journal"])
    data[-1] ^= 1
    statement["proofs"][0]["journal"] = data.hex()
    changed = 1 if data[-1] & 1 else -1
    lines = statement["lines"]
    lines[0]["amount"] = baht(satang(lines[0]["amount"]) + changed)
    for each in lines:
        each["balance"] = baht(satang(each["balance"]) + changed)
    statement["closing"] = baht(satang(statement["closing"]) + changed)


def satang(text: str) -> int:
    """Satang of a text."""
    return int(text.replace(".", ""))


def baht(amount: int) -> str:
    """Text of positive satang."""
    return f"{amount // 100}.{amount % 100:02d}"


def swap(statement: Document, _: Document) -> None:
    """Two lines change places."""
    lines = statement["lines"]
    lines[0], lines[1] = lines[1], lines[0]


def drop_line(statement: Document, _: Document) -> None:
    """One of a journal's two lines is left out, and the sums are mended."""
    gone = statement["lines"].pop(3)
    for each in statement["lines"][3:]:
        each["balance"] = baht(satang(each["balance"]) - satang(gone["amount"]))
    statement["closing"] = statement["lines"][-1]["balance"]


TAMPERED: dict[str, tuple[Alter, str, str]] = {
    "an amount": (line(0, amount="251.00"), LINES, "line 1 "),
    "an amount's sign": (line(2, amount="3.00"), LINES, "line 3 "),
    "a balance": (line(1, balance="1251.01"), SUMS, "line 2 "),
    "a business date": (line(0, business_date="2026-06-03"), LINES, "line 1 "),
    "a value date": (line(1, value_date="2026-06-02"), LINES, "line 2 "),
    "a reference": (line(0, reference="ใบฝาก 13"), LINES, "line 1 "),
    "a narrative": (line(0, narrative="ฝากเงิน"), LINES, "line 1 "),
    "a journal's id": (line(0, journal_id=str(UUID(int=1))), LINES, "line 1 "),
    "a line of another journal": (line(0, recorded_seq=10**6), LINES, "line 1 "),
    "a line that is another account's": (line(2, line=1), LINES, "line 3 "),
    "an amount that is no money": (line(0, amount="1e3"), READABLE, "line 1"),
    "an amount as a number": (line(0, amount=250), READABLE, "line 1"),
    "a line that is nothing": (lambda s, _: s["lines"].insert(0, None), READABLE, "line 1"),
    "a proof that is nothing": (lambda s, _: s["proofs"].append([]), READABLE, "proof 5"),
    "lines in another order": (swap, ORDER, "line 2 "),
    "a line twice": (lambda s, _: s["lines"].insert(1, s["lines"][0]), ORDER, "line 2 "),
    "a line of the journal left out": (drop_line, COMPLETE, "journal"),
    "a proof left out": (lambda s, _: s["proofs"].pop(0), LINES, "line 1 "),
    "a proof twice": (lambda s, _: s["proofs"].append(s["proofs"][0]), PROVEN, "journal"),
    "the opening": (head(opening="1000.01"), SUMS, "line 1 "),
    "the closing": (head(closing="1249.61"), SUMS, "closing"),
    "the account's number": (head(account_number=1), LINES, "line 1 "),
    "the range's beginning": (head(from_="2026-06-03"), ORDER, "line 1 "),
    "the range's end": (head(to="2026-06-02"), ORDER, "line 5 "),
    "a range the wrong way round": (head(from_="2026-06-30", to="2026-06-01"), RANGE, "from"),
    "the number it was known at": (head(known_at=3), RANGE, "known_at"),
    "the book": (head(book="other"), RANGE, "book"),
    "the seals it needs": (head(seals=[1]), RANGE, "seals needed"),
    "a lie that adds up": (consistent_lie, PROVEN, "journal"),
    "a journal's first byte": (journal_byte(0, 0), READABLE, "proof 1"),
    "a journal's number": (journal_byte(0, 8), PROVEN, "journal"),
    "a journal's amount": (journal_byte(0, -1), PROVEN, "journal"),
    "a journal's end": (proof(0, journal="01"), READABLE, "proof 1"),
    "the version of the bytes": (proof(0, digest_version=1), READABLE, "proof 1"),
    "an unknown version": (proof(0, digest_version=9), READABLE, "proof 1"),
    "the leaf's place": (proof(0, leaf_index=1), PROVEN, "journal"),
    "the tree's size": (proof(0, tree_size=4), PROVEN, "journal"),
    "the path": (proof(0, path=[OTHER, OTHER]), PROVEN, "journal"),
    "no path": (proof(0, path=[]), PROVEN, "journal"),
    "a path that is no hex": (proof(0, path=["zz"]), READABLE, "proof 1"),
    "another seal": (proof(0, seal_no=1), PROVEN, "journal"),
    "a seal that is not there": (proof(0, seal_no=9), PROVEN, "journal"),
    "a seal's root": (seal(1, merkle_root=OTHER), CHAIN, "seal 2, hash"),
    "a seal's totals": (seal(1, debits="1.00"), CHAIN, "seal 2, hash"),
    "a seal's day": (seal(1, business_date="2026-06-09"), CHAIN, "seal 2, hash"),
    "a seal's version": (seal(1, version=2), CHAIN, "seal 2, version"),
    "a seal's hash": (seal(0, hash=OTHER), CHAIN, "seal 1, hash"),
    "a signature": (seal(2, signature="00" * 64), SIGNED, "seal 3"),
    "a seal left out": (lambda _, k: k["seals"].pop(1), CHAIN, "seal 3"),
    "the first seal's past": (seal(0, previous="1" * 64), CHAIN, "seal 1"),
    "a key left out": (lambda _, k: k["keys"].clear(), SIGNED, "seal 1"),
    "another key": (lambda _, k: k["keys"][0].update(public_key=OTHER), SIGNED, "seal 1"),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_altered_is_found_and_named(
    kept: tuple[Document, Document, str], what: str
) -> None:
    alter, check_name, where = TAMPERED[what]
    report = check(kept, alter).report
    assert not report.ok
    named = [each for each in report.differences if each.check == check_name]
    assert any(each.where.startswith(where) for each in named), report.differences


def test_seals_made_by_somebody_else_do_not_pass_for_the_trusted_key(
    kept: tuple[Document, Document, str],
) -> None:
    report = verify_statement(kept[0], kept[1], [OTHER]).report
    assert [each.check for each in report.differences] == [TRUST]


def test_earlier_seals_may_be_left_out_where_the_statement_does_not_need_them(
    kept: tuple[Document, Document, str],
) -> None:
    assert check(kept, lambda _, seals: seals["seals"].pop(0)).report.ok


@pytest.mark.parametrize(
    "alter",
    [
        lambda statement, _: statement.clear(),
        lambda statement, _: statement.update(format="other"),
        lambda statement, _: statement.update(version=2),
        lambda statement, _: statement.update(account_number=-1),
        lambda statement, _: statement.update(opening=None),
        lambda statement, _: statement.update(lines={}),
        lambda statement, _: statement.update({"from": "2026-02-30"}),
        lambda _, seals: seals.update(seals=[]),
        lambda _, seals: seals["seals"][0].pop("hash"),
        lambda _, seals: seals["seals"][0].update(book="\ud800"),
        lambda _, seals: seals["seals"][0].update(last_seq=True),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole(
    kept: tuple[Document, Document, str], alter: Alter
) -> None:
    with pytest.raises(Unreadable):
        check(kept, alter)


def test_the_program_checks_without_any_database(
    kept: tuple[Document, Document, str], tmp_path: Path
) -> None:
    statement, seals = tmp_path / "statement.json", tmp_path / "seals.json"
    statement.write_text(json.dumps(kept[0]), encoding="utf-8")
    seals.write_text(json.dumps(kept[1]), encoding="utf-8")
    home = tmp_path / "home"
    # No database is configured, none is reachable, and the driver itself may not connect.
    barred = (
        "import asyncpg, subprocess, sys\n"
        "def never(*_, **__): raise SystemExit('a database or a program was asked for')\n"
        "asyncpg.connect = asyncpg.create_pool = subprocess.Popen = never\n"
        "from api.cli.main import main\n"
        "sys.argv = ['cff', 'verify-statement', *sys.argv[1:]]\n"
        "main()\n"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", barred, str(statement), str(seals), *arguments],
            cwd=ROOT,
            env={"CFF_HOME": str(home), "PATH": "/nowhere"},
            capture_output=True,
            text=True,
            check=False,
        )

    proven = run("--key", kept[2])
    assert proven.returncode == 0, proven.stderr
    assert "given and matching" in proven.stdout
    assert "This does not show" in proven.stdout
    assert not home.exists()
    unknown = run("--json")
    assert json.loads(unknown.stdout)["key"] == "taken from the seal file"
    altered = copy.deepcopy(kept[0])
    altered["lines"][1]["amount"] = "9.00"
    statement.write_text(json.dumps(altered), encoding="utf-8")
    found = run()
    assert found.returncode == 1
    assert "line 2 (number" in found.stderr
    statement.write_text("{", encoding="utf-8")
    assert run().returncode == 2
