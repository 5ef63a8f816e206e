"""A place of a test run goes with it, also when it is killed; and it stands where there is room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests import homes
from tests.house.sources import ROOT

HOLDER = """
import sys, time
from tests.homes import place
with place("cff-held-") as made:
    (made / "gigabyte").write_bytes(b"0" * 1000)
    print(made, flush=True)
    time.sleep(float(sys.argv[1]))
"""


def _holder(seconds: float) -> tuple[subprocess.Popen[str], Path]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    return holder, Path(holder.stdout.readline().strip())


def _gone(place: Path) -> bool:
    for _ in range(200):
        if not place.exists():
            return True
        time.sleep(0.05)
    return False


def test_a_place_goes_with_the_run_that_made_it() -> None:
    holder, place = _holder(0)
    with holder:
        assert holder.wait(30) == 0
    assert not place.exists()


def test_a_place_goes_also_when_its_run_is_killed() -> None:
    holder, place = _holder(300)
    with holder:
        assert (place / "gigabyte").exists()
        holder.send_signal(signal.SIGKILL)
    assert _gone(place)


def test_a_place_whose_watcher_was_killed_too_is_removed_by_the_next_run(tmp_path: Path) -> None:
    left, kept = tmp_path / "cff-held-1", tmp_path / "cff-held-2"
    for place in (left, kept):
        place.mkdir()
        (place / "held").touch()
    with homes.holding(kept / "held"):
        homes.clear(tmp_path, "cff-held-")
        assert not left.exists()
        assert kept.exists()


def test_a_folder_in_memory_that_is_small_or_closed_is_passed_over_for_the_disk(
    tmp_path: Path,
) -> None:
    disk = tmp_path / "disk"
    assert homes.roomiest(tmp_path / "no such folder", disk, enough_bytes=1) == disk
    assert homes.roomiest(tmp_path, disk, enough_bytes=1) == tmp_path
    free = os.statvfs(tmp_path)
    too_much = free.f_blocks * free.f_frsize + 1
    assert homes.roomiest(tmp_path, disk, enough_bytes=too_much) == disk
