"""Files appear whole or not at all, one process holds a lock, and a digest is that of all bytes."""

import errno
import hashlib
import os
import threading
import time
from itertools import islice
from pathlib import Path

import pytest

import warm
from impasto.errors import OutputError, UsageError
from impasto.files import (
    InUseError,
    Lock,
    alternatives,
    file_hash,
    output_errors,
    put_in_place,
    replacing,
    reserved,
    reserved_new,
    write_atomically,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def python(code, *arguments):
    return warm.Popen(["-c", code, *arguments], stdout=warm.PIPE, text=True)


@pytest.fixture
def held():
    """held(path): another process holds the lock at `path`, until it is killed."""
    processes = []

    def hold(path):
        code = (
            "import sys, time\nfrom pathlib import Path\nfrom impasto.files import Lock\n"
            "lock = Lock(Path(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(60)"
        )
        processes.append(python(code, path))
        assert processes[-1].stdout.readline() == "held\n"
        return processes[-1]

    yield hold
    for process in processes:
        process.kill()
        process.communicate()


# Writing ------------------------------------------------------------------------------------------------------------


def test_a_file_is_written_and_replaced(tmp_path):
    for data in (b"first", b"second"):
        write_atomically(tmp_path / "a", data)
        assert (tmp_path / "a").read_bytes() == data
    assert names(tmp_path) == ["a"]


def test_until_the_block_ends_the_old_file_is_there(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with replacing(tmp_path / "a") as temporary:
        temporary.write_bytes(b"new")
        assert (tmp_path / "a").read_bytes() == b"old"
        assert temporary.parent == tmp_path
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(error), replacing(tmp_path / "a") as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_the_file_and_its_name_are_on_the_disk(tmp_path, monkeypatch):
    """What is flushed, in order: the data under the temporary name, then the folder with the new one."""
    done = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(Path, "replace", lambda path, target: (done.append("rename"), replace(path, target)))
    write_atomically(tmp_path / "a", b"data")
    put_in_place(tmp_path / "a", tmp_path / "b")
    folder = ["fsync"] if os.name == "posix" else []
    assert done == ["fsync", "rename", *folder, "rename", *folder]


def test_a_name_of_any_length_that_the_system_takes(tmp_path):
    write_atomically(tmp_path / ("n" * 250 + ".png"), b"data")
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space or choose another disk."),
        (errno.EFBIG, "Free some space or choose another disk."),
        (errno.ENAMETOOLONG, "Choose a shorter name."),
        (errno.EACCES, "Choose another folder or name."),
    ],
)
def test_what_the_system_says_becomes_an_error_with_the_remedy(number, remedy):
    with pytest.raises(OutputError) as caught, output_errors(Path("out.png")):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"out.png cannot be written: {os.strerror(number)}. {remedy}"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutputError, match=r"a cannot be written: No such file or directory\. Choose another folder"):
        write_atomically(tmp_path / "none" / "a", b"")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no such folder there")
def test_a_folder_that_takes_no_files():
    with pytest.raises(OutputError, match=r"^/proc/a cannot be written: No file can be made in /proc\. Choose another"):
        write_atomically(Path("/proc/a"), b"")


# Holding ------------------------------------------------------------------------------------------------------------


def test_a_lock_is_there_as_long_as_it_is_held(tmp_path):
    path = tmp_path / "lock"
    with Lock(path):
        assert path.exists()
        with pytest.raises(InUseError, match="held by another process"):
            Lock(path)
        assert path.exists()
    assert not path.exists()
    lock = Lock(path)
    lock.release()
    lock.release()
    assert names(tmp_path) == []


def test_who_fails_to_get_a_lock_does_not_take_it_from_another_process(tmp_path, held):
    process = held(tmp_path / "lock")
    for _ in range(2):
        with pytest.raises(UsageError):
            Lock(tmp_path / "lock")
    process.kill()
    process.wait()
    assert (tmp_path / "lock").exists()  # it could not be removed, and is free nevertheless
    Lock(tmp_path / "lock").release()
    assert names(tmp_path) == []


def test_a_lock_may_be_released_by_another_thread(tmp_path):
    lock = Lock(tmp_path / "lock")
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    Lock(tmp_path / "lock").release()


def test_patience(tmp_path, held):
    process = held(tmp_path / "lock")
    began = time.monotonic()
    with pytest.raises(InUseError):
        Lock(tmp_path / "lock", patience=0.2)
    assert time.monotonic() - began >= 0.2
    killer = threading.Timer(0.2, process.kill)
    killer.start()
    Lock(tmp_path / "lock", patience=float("inf")).release()
    killer.join()


COUNTER = """
import sys
from pathlib import Path
from impasto.files import Lock
folder = Path(sys.argv[1])
for _ in range(60):
    with Lock(folder / "lock", patience=float("inf")):
        number = int((folder / "number").read_text())
        (folder / "number").write_text(str(number + 1))
"""


def test_nobody_holds_a_lock_that_another_has_just_removed(tmp_path):
    (tmp_path / "number").write_text("0")
    processes = [python(COUNTER, tmp_path) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert (tmp_path / "number").read_text() == "180"
    assert names(tmp_path) == ["number"]


def test_a_path_is_reserved_by_one(tmp_path):
    path = tmp_path / "out.png"
    path.write_bytes(b"mine")
    with reserved(path) as free:
        assert free == path
        with pytest.raises(InUseError, match=r"out\.png is being made by another run\. Choose another name"):
            reserved(path).__enter__()
    with reserved(path):
        pass
    assert names(tmp_path) == ["out.png"]


def test_a_new_name_gives_way_to_what_exists_and_to_what_is_reserved(tmp_path):
    path = tmp_path / "a-IMG-12.png"
    with reserved_new(path) as first, reserved_new(path) as second:
        assert (first.name, second.name) == ("a-IMG-12.png", "a-IMG-12-2.png")
    path.touch()
    with reserved_new(path) as third:
        assert third.name == "a-IMG-12-2.png"
    assert names(tmp_path) == ["a-IMG-12.png"]


def test_names_and_folders_that_allow_no_lock_beside_them_are_taken_as_they_are(tmp_path):
    long = tmp_path / ("n" * 250 + ".png")
    with reserved(long) as free:
        assert free == long
    with reserved(tmp_path / "none" / "a.png") as free:
        assert free.name == "a.png"


def test_an_error_in_the_block_is_the_blocks_own(tmp_path):
    with pytest.raises(InUseError, match=r"^mine$"), reserved_new(tmp_path / "a"):
        raise InUseError("mine")
    assert names(tmp_path) == []


def test_alternatives():
    assert [str(path) for path in islice(alternatives(Path("b/a-2.png")), 3)] == [
        str(Path("b") / name) for name in ("a-2.png", "a-2-2.png", "a-2-3.png")
    ]


# Digests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 5, (1 << 20) + 3])
def test_digests_are_those_of_all_bytes(tmp_path, size):
    data = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "a").write_bytes(data[:size])
    expected = {kind: hashlib.new(kind, data[:size]).hexdigest() for kind in ("sha256", "md5")}
    assert {kind: file_hash(tmp_path / "a", kind) for kind in expected} == expected
    assert file_hash(tmp_path / "a") == file_hash(str(tmp_path / "a")) == expected["sha256"]


def test_what_a_killed_process_left_a_day_ago_is_removed_and_what_somebody_writes_is_not(tmp_path):
    for name, age in (("a", 100_000), ("b", 60)):
        (tmp_path / f".impasto-{name}.tmp").touch()
        os.utime(tmp_path / f".impasto-{name}.tmp", (time.time() - age,) * 2)
    with reserved(tmp_path / "out.png"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".impasto-b.tmp"]
