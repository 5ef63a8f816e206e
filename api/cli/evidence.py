"""Verbs of evidence: seals and their key, statement files, and checking them without a database."""

from __future__ import annotations

import json as json_text
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from api.cli.context import opened, reading_book
from api.cli.output import Facts, Json, err, out, run, say, share, table
from api.cli.reading import BookOption, date_or_none, show_pairs
from api.settings import Settings
from ledger.db import Connection, translated
from ledger.errors import InvalidInput
from ledger.evidence.files import file_text, seals_document, statement_document
from ledger.evidence.keys import KeyFile, public_pem
from ledger.evidence.seals import list_seals, public_keys
from ledger.proof.against import verify_against
from ledger.proof.offline import CANNOT_SHOW, Verdict
from ledger.proof.offline import verify_statement as check_statement
from ledger.proof.report import Findings, Report
from ledger.proof.seal_file import SealFile, check_seals, fingerprint, read_seal_file
from ledger.proof.sealed import Unreadable

seals_app = typer.Typer(help="Day seals, and the key that signs them.", no_args_is_help=True)
OutFile = Annotated[Path, typer.Option("--out", help="File to write.")]

_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)


def key_file(settings: Settings) -> KeyFile:
    """The key that nights of this process seal with."""
    return KeyFile(path=settings.seal_key_path, say=say)


@seals_app.command("key")
def seals_key(json: Json = False) -> None:
    """Show the public key in force and its fingerprint; make the key if there is none yet."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        async with (
            translated(),
            opened(settings) as database,
            database.poster.acquire() as connection,
        ):
            signer = await key_file(settings).signer(connection)
        return {
            "key_id": signer.public.key_id,
            "fingerprint": signer.public.fingerprint,
            "file": str(settings.seal_key_path),
            "public_key": public_pem(signer.public),
        }

    run(work(), json, show_pairs)


@seals_app.command("rotate-key")
def seals_rotate_key(json: Json = False) -> None:
    """Put a new key in force; the old public key stays for verification. Tell the members."""

    async def work() -> Facts:
        settings = Settings.from_environment()
        async with (
            translated(),
            opened(settings) as database,
            database.poster.acquire() as connection,
        ):
            retired, public = await key_file(settings).rotate(connection)
        return {
            "retired_key_id": retired,
            "key_id": public.key_id,
            "fingerprint": public.fingerprint,
            "file": str(settings.seal_key_path),
        }

    run(work(), json, show_pairs)


@seals_app.command("list")
def seals_list(book: BookOption = None, json: Json = False) -> None:
    """Every seal of the book: its day, the numbers it covers, its hash."""

    async def work() -> Facts:
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            seals = await list_seals(connection, found.book_id)
        return {"seals": seals_document(seals, [])["seals"]}

    run(work(), json, _show_seals)


def _show_seals(facts: Facts) -> None:
    seals = facts["seals"]
    if isinstance(seals, list):
        rows = [
            (
                str(seal["seal_no"]),
                seal["business_date"],
                f"{seal['first_seq']} to {seal['last_seq']}",
                str(seal["journal_count"]),
                seal["hash"],
            )
            for seal in seals
        ]
        table("Day seals", ("no>", "business date", "numbers", "journals>", "hash"), rows)


@seals_app.command("export")
def seals_export(
    out_file: OutFile,
    after: Annotated[int, typer.Option(min=0, help="The last seal that is kept already.")] = 0,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Write the seals with the public keys that signed them: for members to keep."""

    async def work() -> Facts:
        require_place(out_file)
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            seals = await list_seals(connection, found.book_id, after=after)
            keys = await public_keys(connection)
        out_file.write_text(file_text(seals_document(seals, keys)), encoding="utf-8")
        return {"file": str(out_file), "book": found.code, "seals": len(seals)}

    run(work(), json, show_pairs)


def statement_file(
    code: str,
    out_file: OutFile,
    first: Annotated[str | None, typer.Option("--from", help="First business date.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last business date.")] = None,
    book: BookOption = None,
    json: Json = False,
) -> None:
    """Write a statement with a proof for every journal in it, known at the last sealed number."""

    async def work() -> Facts:
        start, end = date_or_none(first, "--from"), date_or_none(last, "--to")
        if start is not None and end is not None and start > end:
            raise InvalidInput.one("--from", start.isoformat(), f"a date up to --to, {end}")
        require_place(out_file)
        async with reading_book(Settings.from_environment(), book) as (connection, found):
            document = await statement_document(
                connection, found, code, from_date=start, to_date=end
            )
        out_file.write_text(file_text(document), encoding="utf-8")
        shown = ("account", "account_number", "from", "to", "known_at", "opening", "closing")
        lines = document["lines"]
        count = len(lines) if isinstance(lines, list) else 0
        return {"file": str(out_file), **{name: document[name] for name in shown}, "lines": count}

    run(work(), json, show_pairs)


def require_place(out_file: Path) -> None:
    """Raise `InvalidInput` unless a file can be written there."""
    if out_file.is_dir() or not out_file.absolute().parent.is_dir():
        raise InvalidInput.one("--out", str(out_file), "a file in a directory that exists")


def verify_statement(
    statement: Annotated[Path, typer.Argument(help="A statement file.")],
    seals: Annotated[Path, typer.Argument(help="A seal file that you kept.")],
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Fingerprint (64 hex digits) or PEM file of a trusted key."),
    ] = None,
    json: Json = False,
) -> None:
    """Check a statement against seals, offline: no database is opened. Exit 1 names each fault."""

    async def work() -> Facts:
        trusted = [_trusted(text) for text in key or ()]
        try:
            verdict = check_statement(read_json(statement), read_json(seals), trusted)
        except Unreadable as error:
            raise InvalidInput.one(
                f"{statement} and {seals}", str(error), "files of docs/evidence.md"
            ) from error
        return _verdict_facts(verdict)

    run(work(), json, _show_verdict, failed=lambda facts: not facts["ok"])


def _verdict_facts(verdict: Verdict) -> dict[str, object]:
    return {
        "ok": verdict.report.ok,
        "account": verdict.account,
        "account_number": verdict.account_number,
        "checked": dict(verdict.report.counts),
        "signed_by": verdict.signed_by,
        "key": "given and matching" if verdict.trusted else "taken from the seal file",
        "totals": dict(verdict.report.totals),
        "differences": [asdict(each) for each in verdict.report.differences],
        "cannot_show": list(CANNOT_SHOW),
    }


def _show_verdict(facts: Facts) -> None:
    checked, differences, limits = facts["checked"], facts["differences"], facts["cannot_show"]
    if isinstance(checked, dict):
        out.print("checked  " + ", ".join(f"{n:,} {what}" for what, n in checked.items()))
    if isinstance(differences, list):
        for each in differences:
            place = f"{each['check']}: {each['where']}"
            text = f"{place}: expected {each['expected']}, found {each['found']}"
            err.print(text, markup=False, style="red")
    out.print(f"key      {facts['key']}: fingerprint {facts['signed_by']}", markup=False)
    if facts["key"] != "given and matching":
        out.print(
            "         compare this fingerprint with the one you were given, or pass it with --key:"
            " without that, whoever made the seals may have made up all of it"
        )
    if facts["ok"]:
        what = f"account {facts['account']} (number {facts['account_number']})"
        out.print(f"[green]proven[/]: every line of {what} is as it was sealed")
    else:
        out.print("[red]not proven[/]")
    out.print("This does not show:")
    if isinstance(limits, list):
        for limit in limits:
            out.print(f"  - {limit}", markup=False)


def read_kept_seals(path: Path) -> SealFile:
    """The seal file at a path. Raises `InvalidInput`."""
    try:
        return read_seal_file(read_json(path))
    except Unreadable as error:
        raise InvalidInput.one(str(path), str(error), "a seal file of docs/evidence.md") from error


async def against_kept(connection: Connection, book_id: int, kept: SealFile) -> Report:
    """What the book's rows differ in from kept seals, and what is wrong with those."""
    found = Findings()
    found.add(check_seals(kept.seals, kept.keys))
    with share("comparing with the kept seals") as told:
        rows = await verify_against(connection, book_id, kept.seals, told)
    found.differences += rows.differences
    found.totals.update(rows.totals)
    found.counts.update(rows.counts)
    return found.report(book_id)


def with_report(facts: dict[str, object], report: Report) -> dict[str, object]:
    """The facts of a proof with those of one more report."""
    more = {"checked": report.counts, "totals": report.totals}
    joined: dict[str, object] = {
        name: {**known, **added}
        for name, added in more.items()
        if isinstance(known := facts[name], dict)
    }
    differences = facts["differences"]
    if isinstance(differences, list):
        joined["differences"] = [*differences, *(asdict(each) for each in report.differences)]
    return facts | joined | {"ok": bool(facts["ok"]) and report.ok}


def read_json(path: Path) -> object:
    """The JSON document in a file. Raises `InvalidInput`."""
    try:
        document: object = json_text.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput.one(str(path), str(error), "a JSON file that can be read") from error
    return document


def _trusted(text: str) -> str:
    """The fingerprint that `--key` names: itself, or that of the key in a PEM file."""
    plain = text.replace(":", "").lower()
    if _FINGERPRINT.fullmatch(plain):
        return plain
    path = Path(text)
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        expected = "a fingerprint of 64 hex digits, or a PEM file with an Ed25519 public key"
        raise InvalidInput.one("--key", text, expected) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput.one("--key", text, "an Ed25519 public key")
    return fingerprint(key.public_bytes_raw())
