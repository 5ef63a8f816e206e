"""Day seals: what they cover, what they sign, the key they are signed with, proofs up to them."""

from __future__ import annotations

import stat
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.db import Pool
from ledger.errors import InvariantBroken, NotFound
from ledger.evidence import canonical, merkle
from ledger.evidence.keys import KeyFile, SealKeyUnusable, load, public_pem
from ledger.evidence.proofs import NotSealedYet, prove, prove_journal
from ledger.evidence.reading import journals_between
from ledger.evidence.seals import Seal, days_to_seal, get_seal, list_seals
from ledger.kinds import EventKind, JournalKind
from ledger.posting.values import Journal, Note, Status, Transfer, Unit
from ledger.proof import sealed
from ledger.proof.seal_file import check_seals, read_seal_file
from tests.builders import OPENED_ON, journal, post_units
from tests.ledger.sealed_book import SealedBook, deposit_many, open_sealed_book

_TRIAL_BALANCE = """
SELECT k.gl_code, sum(k.debits)::bigint AS debits, sum(k.credits)::bigint AS credits FROM (
    SELECT a.gl_code, t.amount_satang AS debits, 0 AS credits
    FROM ledger.transfer AS t INNER JOIN ledger.account AS a ON a.account_id = t.debit_account
    WHERE t.business_date <= $1 AND t.recorded_seq <= $2
    UNION ALL
    SELECT a.gl_code, 0, t.amount_satang
    FROM ledger.transfer AS t INNER JOIN ledger.account AS a ON a.account_id = t.credit_account
    WHERE t.business_date <= $1 AND t.recorded_seq <= $2
) AS k GROUP BY k.gl_code
"""


@pytest.fixture
async def book(pool: Pool, tmp_path: Path) -> SealedBook:
    """A sealed book in a database of its own: a database has one key in force."""
    return await open_sealed_book(pool, tmp_path)


async def wrong_with(book: SealedBook) -> list[str]:
    """What the independent reader says of the book's seal file."""
    kept = read_seal_file(await book.seal_file())
    return [str(each) for each in check_seals(kept.seals, kept.keys)]


async def owner_does(book: SealedBook, *statements: str) -> None:
    """Statements of an owner who takes the guards away first."""
    async with book.pool.acquire() as connection:
        # The pool's login is the owner; only its role is the poster's.
        await connection.execute("SET ROLE NONE")
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                for statement in statements:
                    await connection.execute(statement)
        finally:
            await connection.execute("SET ROLE cff_poster")


def balance_rows(seal: Seal) -> list[tuple[str, int, int]]:
    """The sealed trial balance as rows."""
    rows = canonical.trial_balance_rows(seal.trial_balance)
    return [(row.gl_code, row.debits, row.credits) for row in rows]


async def counted(book: SealedBook, seal: Seal) -> list[tuple[str, int, int]]:
    """The same trial balance, added up from every transfer."""
    content = seal.content
    rows = await book.pool.fetch(_TRIAL_BALANCE, content.business_date, content.last_seq)
    return sorted((row["gl_code"], row["debits"], row["credits"]) for row in rows)


async def test_seals_chain_and_an_independent_reader_agrees_with_every_byte(
    book: SealedBook,
) -> None:
    for amount in (5, 7, 11):
        await book.deposit(amount)
        await book.close()
    assert await wrong_with(book) == []
    for seal in await list_seals(book.pool, book.book_id):
        assert seal.hash == sha256(canonical.seal_bytes(seal.content)).digest()
        async with book.pool.acquire() as connection:
            proofs = await prove(connection, book.book_id, await _numbers(book, seal))
        leaves = [sealed.leaf(proof.data, proof.digest_version) for proof in proofs]
        assert merkle.root_of(leaves) == seal.content.merkle_root
        assert len(leaves) == seal.content.journal_count


async def _numbers(book: SealedBook, seal: Seal) -> list[int]:
    rows = await book.pool.fetch(
        "SELECT DISTINCT recorded_seq FROM ledger.transfer WHERE recorded_seq BETWEEN $1 AND $2",
        seal.content.first_seq,
        seal.content.last_seq,
    )
    return [row["recorded_seq"] for row in rows]


async def test_the_sealed_trial_balance_is_that_of_its_day_as_known_at_its_number(
    book: SealedBook,
) -> None:
    await book.deposit(100)
    first = book.today
    await book.cut()
    # The doors are on the second day already while the night of the first is under way.
    await book.deposit(20_000)
    await book.prove(first)
    await book.adjust(first, journal(book.scene.bank, book.scene.members[1], 3_000_000))
    await book.seal()
    await book.close()
    await book.deposit(5)
    await book.close()
    seals = await list_seals(book.pool, book.book_id)
    for seal in seals:
        assert balance_rows(seal) == await counted(book, seal)
        assert (
            seal.content.debits
            == seal.content.credits
            == sum(debits for _, debits, _ in balance_rows(seal))
        )
    turnovers = [seal.content.debits for seal in seals]
    assert turnovers == [2_000_00 + 100, 2_000_00 + 3_020_100, 2_000_00 + 3_020_105]


async def test_every_journal_is_under_exactly_one_seal_whatever_dates_it_carries(
    book: SealedBook,
) -> None:
    await book.close()
    back_dated = await book.deposit(1, value_date=OPENED_ON)
    adjusted = journal(book.scene.bank, book.scene.members[0], 2)
    await book.adjust(OPENED_ON, adjusted)
    await book.close()
    numbers = await book.pool.fetch("SELECT DISTINCT recorded_seq FROM ledger.transfer")
    for row in numbers:
        over = [
            seal.content.seal_no
            for seal in await list_seals(book.pool, book.book_id)
            if seal.content.first_seq <= row["recorded_seq"] <= seal.content.last_seq
        ]
        assert len(over) == 1
    async with book.pool.acquire() as connection:
        for made in (back_dated, adjusted):
            proof = await prove_journal(connection, book.book_id, made.journal_id)
            assert proof.seal_no == 2


async def test_a_seal_made_late_is_the_seal_that_was_due(book: SealedBook) -> None:
    first = book.today
    await book.cut()
    await book.prove(first)
    (day,) = await days_to_seal(book.pool, book.book_id)
    # A batch of refusals alone ends with the same number; it is not what the seal ends with.
    refused = Unit(operations=(journal(book.scene.members[0], book.scene.bank, 10**9),), actor="x")
    (outcome,) = await post_units(book.pool, book.book_id, [refused])
    assert outcome.status is Status.REFUSED
    await book.deposit(1)
    assert await days_to_seal(book.pool, book.book_id) == [day]
    (seal,) = await book.seal()
    assert (seal.content.last_seq, seal.content.batch_no) == (day.proven_seq, day.batch_no)
    assert seal.content.batch_digest == day.batch_digest


async def test_a_day_proven_inside_a_batch_cannot_be_sealed(book: SealedBook) -> None:
    first = book.today
    await book.cut()
    await book.prove(first)
    note = Note(kind=EventKind.MANUAL_JOURNAL_MADE, subject=uuid4(), body={})
    await book.do(note, note)
    await owner_does(book, "UPDATE ledger.day SET proven_seq = proven_seq + 1 WHERE state = 3")
    with pytest.raises(InvariantBroken, match="must end with a batch"):
        await book.seal()


async def test_journals_of_both_digest_versions_are_sealed_in_their_own_bytes(
    book: SealedBook,
) -> None:
    old, new = await book.deposit(1), await book.deposit(2)
    # As if the first batches had been written before version 2 was.
    await owner_does(
        book,
        "UPDATE ledger.batch SET digest_version = 1 WHERE batch_no < "
        "(SELECT max(batch_no) FROM ledger.batch)",
    )
    await book.close()
    async with book.pool.acquire() as connection:
        for made, version in ((old, 1), (new, 2)):
            proof = await prove_journal(connection, book.book_id, made.journal_id)
            assert proof.digest_version == version
            read = sealed.read_journal(proof.data, version)
            assert read.journal_id == made.journal_id
            assert sealed.journal_bytes(read, version) == proof.data


async def test_a_proof_reads_one_piece_and_leads_to_the_root(book: SealedBook) -> None:
    await deposit_many(book, 2 * merkle.PIECE + 500)
    seal = await book.close()
    nodes = await book.pool.fetch("SELECT * FROM ledger.seal_node ORDER BY piece")
    assert [node["leaves"] for node in nodes][:2] == [merkle.PIECE] * 2
    assert sum(node["leaves"] for node in nodes) == seal.content.journal_count
    numbers = await _numbers(book, seal)
    async with book.pool.acquire() as connection:
        for proof in await prove(connection, book.book_id, numbers[:: len(numbers) // 9]):
            root = sealed.root_from(
                sealed.leaf(proof.data, proof.digest_version),
                proof.leaf_index,
                proof.tree_size,
                proof.path,
            )
            assert root == seal.content.merkle_root
        # Damage in one piece stops the proofs of that piece, and of no other one.
        first, last = min(numbers), max(numbers)
        await owner_does(
            book, f"UPDATE ledger.transfer SET narrative = 'x' WHERE recorded_seq = {first}"
        )
        assert await prove(connection, book.book_id, [last])
        with pytest.raises(InvariantBroken, match="piece 0: its journals are not those"):
            await prove(connection, book.book_id, [first + 1])


async def test_slices_that_cut_through_a_journal_change_nothing(book: SealedBook) -> None:
    saver, other = book.scene.members
    lines = tuple(
        Transfer(debit=saver, credit=other, amount_satang=amount) for amount in range(1, 8)
    )
    for _ in range(3):
        await book.deposit(9)
        made = Journal(journal_id=uuid4(), kind=JournalKind.MANUAL, transfers=lines)
        assert (await book.do(made)).receipts
    until = await book.pool.fetchval("SELECT recorded_seq FROM ledger.book_head")
    whole = [each async for each in journals_between(book.pool, book.book_id, 0, until)]
    assert [len(journal.transfers) for journal, _ in whole][-2:] == [1, 7]
    for at_once in (1, 2, 3, 5, 7, 8):
        cut = journals_between(book.pool, book.book_id, 0, until, at_once=at_once)
        assert [each async for each in cut] == whole


async def test_a_disk_that_refuses_is_named_and_is_not_taken_for_a_lost_database(
    book: SealedBook, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder", encoding="ascii")
    key = KeyFile(path=in_the_way / "key.pem", say=lambda _: None)
    async with book.pool.acquire() as connection:
        with pytest.raises(SealKeyUnusable, match="cannot be used"):
            await key.signer(connection)


async def test_what_no_night_has_sealed_has_no_proof_yet(book: SealedBook) -> None:
    made = await book.deposit(1)
    async with book.pool.acquire() as connection:
        with pytest.raises(NotSealedYet, match="the last sealed number is 0"):
            await prove_journal(connection, book.book_id, made.journal_id)
        seal = await book.close()
        late = await book.deposit(1)
        with pytest.raises(NotSealedYet) as caught:
            await prove_journal(connection, book.book_id, late.journal_id)
        assert caught.value.sealed_seq == seal.content.last_seq < caught.value.recorded_seq
        with pytest.raises(NotFound, match="posted journal"):
            await prove_journal(connection, book.book_id, uuid4())
        with pytest.raises(NotFound, match="seal 2"):
            await get_seal(connection, book.book_id, 2)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("UPDATE ledger.seal SET hash = sha256('x')", "LG001"),
        ("DELETE FROM ledger.seal_node", "LG001"),
        ("TRUNCATE ledger.seal_key CASCADE", "LG001"),
        ("UPDATE ledger.seal_key SET retired_at = NULL, key_id = '0123456789abcdef'", "LG005"),
        (
            "INSERT INTO ledger.seal_key (key_id, public_key) "
            "SELECT left(encode(sha256(k), 'hex'), 16), k FROM sha256('x') AS k",
            "23505",
        ),
        (
            "INSERT INTO ledger.seal SELECT (s).* FROM (SELECT jsonb_populate_record(k, "
            "jsonb_build_object('seal_no', 3)) AS s FROM ledger.seal AS k) AS q",
            "LG012",
        ),
    ],
)
async def test_the_database_keeps_seals_as_they_are(
    book: SealedBook, change: str, state: str
) -> None:
    await book.close()
    async with book.pool.acquire() as connection:
        await connection.execute("SET ROLE NONE")
        with pytest.raises(asyncpg.PostgresError) as caught:
            await connection.execute(change)
        assert caught.value.sqlstate == state, caught.value
        await connection.execute("SET ROLE cff_poster")


async def test_a_key_is_made_once_for_its_owner_alone_and_told(
    book: SealedBook, tmp_path: Path
) -> None:
    told: list[str] = []
    key = KeyFile(path=tmp_path / "new" / "key.pem", say=told.append)
    async with book.pool.acquire() as connection:
        made = await key.signer(connection)
        assert await key.signer(connection) is not made
        assert (await key.signer(connection)).public == made.public
    assert stat.S_IMODE(key.path.stat().st_mode) == 0o600
    assert list(key.path.parent.iterdir()) == [key.path]
    assert len(told) == 1
    assert made.public.fingerprint in told[0]
    assert made.public.key_id == sha256(made.public.raw).hexdigest()[:16]
    assert public_pem(made.public).startswith("-----BEGIN PUBLIC KEY-----")
    key.path.chmod(0o644)
    with pytest.raises(SealKeyUnusable, match="others may read"):
        load(key.path)
    key.path.chmod(0o600)
    key.path.write_text("no key", encoding="ascii")
    with pytest.raises(SealKeyUnusable, match="no private key"):
        load(key.path)


async def test_a_database_takes_no_second_key_behind_its_back(
    book: SealedBook, tmp_path: Path
) -> None:
    await book.close()
    other = KeyFile(path=tmp_path / "other.pem", say=lambda _: None)
    async with book.pool.acquire() as connection:
        with pytest.raises(SealKeyUnusable, match="is not at"):
            await other.signer(connection)
        assert not other.path.exists()
        book.key.path.rename(tmp_path / "mine.pem")
        stranger = KeyFile(path=book.key.path.with_name("stranger.pem"), say=lambda _: None)
        stranger_key(stranger.path)
        with pytest.raises(SealKeyUnusable, match="takes seals of key"):
            await stranger.signer(connection)


def stranger_key(path: Path) -> None:
    """A key file that no database knows."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(pem)
    path.chmod(0o600)


async def test_a_rotated_key_signs_on_and_the_old_seals_stay_verifiable(book: SealedBook) -> None:
    before = await book.close()
    async with book.pool.acquire() as connection:
        retired, public = await book.key.rotate(connection)
    after = await book.close()
    assert (before.key_id, after.key_id) == (retired, public.key_id)
    assert retired != public.key_id
    assert await wrong_with(book) == []
    kept = read_seal_file(await book.seal_file())
    assert set(kept.keys) == {retired, public.key_id}
    # Whoever trusts the new key has the old seals vouched for by the chain; the old key alone
    # vouches for nothing after it.
    assert not list(check_seals(kept.seals, kept.keys, [public.fingerprint]))
    old = sha256(kept.keys[before.key_id]).hexdigest()
    assert [each.where for each in check_seals(kept.seals, kept.keys, [old])] == ["seal 2"]
    assert book.key.path.with_name(f"{book.key.path.name}.{retired}.retired").exists()


async def test_an_interrupted_rotation_is_finished_not_started_again(book: SealedBook) -> None:
    before = await book.close()
    async with book.pool.acquire() as connection:
        old = book.key.path.read_bytes()
        retired, public = await book.key.rotate(connection)
        # As if it had died before the files were moved.
        book.key.path.rename(book.key.following)
        book.key.path.with_name(f"{book.key.path.name}.{retired}.retired").rename(book.key.path)
        assert book.key.path.read_bytes() == old
        with pytest.raises(SealKeyUnusable, match="finish a rotation"):
            await book.key.signer(connection)
        assert await book.key.rotate(connection) == (before.key_id, public)
        assert (await book.key.signer(connection)).public == public
    keys = await book.pool.fetchval("SELECT count(*) FROM ledger.seal_key")
    assert keys == 2


async def test_a_key_that_was_rotated_for_another_database_is_taken_over(book: SealedBook) -> None:
    await book.close()
    book.key.path.unlink()
    stranger_key(book.key.path)
    async with book.pool.acquire() as connection:
        _, public = await book.key.rotate(connection)
        assert public == load(book.key.path).public
        assert (await book.key.signer(connection)).public == public
    await book.close()
    assert await wrong_with(book) == []


async def test_seals_of_days_that_were_missed_are_made_in_order(book: SealedBook) -> None:
    first = book.today
    await book.cut()
    await book.cut()
    for on in (first, first + timedelta(days=1)):
        await book.prove(on)
    made = await book.seal()
    assert [seal.content.business_date for seal in made] == [first, date(2026, 6, 2)]
    assert await wrong_with(book) == []
