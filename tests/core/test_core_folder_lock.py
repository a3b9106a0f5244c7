import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from vsd2m.core.errors import LockedError, StorageError
from vsd2m.core.folder_lock import LOCK_FILE, Holder, _start_by_ps, break_lock, folder_lock, process_start
from vsd2m.core.storage import Store

HOLD = """
import sys
from vsd2m.core.folder_lock import folder_lock
from vsd2m.core.storage import Store
with folder_lock(Store(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["disk", "memory", "s3"])
def store(request, tmp_path: Path) -> Store:
    if request.param == "s3":
        return Store(f"{request.getfixturevalue('s3_bucket')}/{tmp_path.name}")
    return Store(f"memory://{tmp_path.name}" if request.param == "memory" else str(tmp_path / "run"))


def leave(store: Store, **changes: object) -> Holder:
    """The lock of a process that did not give it back."""
    holder = Holder.this_process().model_copy(update=changes)
    store.write_bytes(LOCK_FILE, holder.to_bytes())
    return holder


def ended_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_second_holder_is_refused_with_the_first_ones_host_process_and_start(store):
    with folder_lock(store) as holder:
        with pytest.raises(LockedError) as refusal, folder_lock(store):
            raise AssertionError("two hold one lock")
        for fact in (holder.host, str(os.getpid()), holder.started, "--break-lock"):
            assert fact in str(refusal.value)
    with folder_lock(store):
        pass
    assert not store.exists(LOCK_FILE)


def test_a_lock_is_given_back_where_the_work_fails(store):
    with pytest.raises(RuntimeError), folder_lock(store):
        raise RuntimeError
    assert not store.exists(LOCK_FILE)


def test_the_lock_of_a_process_that_has_ended_here_is_taken_over(store):
    leave(store, process=ended_process(), token="ended")
    with folder_lock(store) as holder:
        assert Holder.model_validate_json(store.read_bytes(LOCK_FILE)) == holder


def test_another_process_with_the_same_id_does_not_hold_the_lock(store):
    leave(store, process_start="another start", token="ended")
    with folder_lock(store):
        pass


@pytest.mark.parametrize("elsewhere", [{"host": "another"}, {"machine": "another of the same name"}])
def test_a_process_on_another_machine_is_believed_to_run_until_the_lock_is_broken(store, elsewhere):
    leave(store, process=ended_process(), **elsewhere)
    with pytest.raises(LockedError, match="machine that cannot be seen"), folder_lock(store):
        pass
    break_lock(store)
    with folder_lock(store):
        pass


def test_who_lost_the_lock_does_not_give_back_that_of_another(store):
    with folder_lock(store):
        other = leave(store, token="other")
    assert Holder.model_validate_json(store.read_bytes(LOCK_FILE)) == other


def test_a_process_that_ended_while_it_took_a_lock_over_is_taken_over_too(store):
    leave(store, process=ended_process(), token="ended")
    store.write_bytes(f"{LOCK_FILE}.replace", store.read_bytes(LOCK_FILE))
    with folder_lock(store):
        pass
    assert not [name for name in store.list("") if name.startswith(LOCK_FILE)]


def test_only_one_process_takes_over_a_lock(store):
    """The second one read the lock of the process that has ended before the first one replaced it."""
    ended = leave(store, process=ended_process(), token="ended")
    from vsd2m.core.folder_lock import _replace

    first, second = Holder.this_process(), Holder.this_process()
    for holder in (first, second):
        _replace(store, LOCK_FILE, ended, holder)
    assert Holder.model_validate_json(store.read_bytes(LOCK_FILE)) == first


def test_a_file_is_created_once(store):
    assert store.create_bytes("a/b", b"first") and not store.create_bytes("a/b", b"second")
    assert store.read_bytes("a/b") == b"first"
    assert store.list("a") == ["b"]


def test_the_holder_of_a_lock_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Holder.this_process().token = "another"


def test_a_file_that_is_no_lock_is_named(store):
    store.write_bytes(LOCK_FILE, b"mine")
    with pytest.raises(LockedError, match=f"{LOCK_FILE} is not a lock of vsd2m; delete it"), folder_lock(store):
        pass


def test_a_killed_process_frees_the_folder(tmp_path: Path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"process {child.pid} on "), folder_lock(Store(str(tmp_path))):
            pass
        assert process_start(child.pid) is not None
        child.kill()
    with folder_lock(Store(str(tmp_path))):
        pass


def test_a_child_that_was_killed_and_not_waited_for_has_ended():
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # ends with the process
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) is None
    child.communicate()


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps, as systems without /proc have it")
def test_where_there_is_no_proc_the_start_of_a_process_is_asked_of_ps():
    start = _start_by_ps(os.getpid())
    assert start and start == _start_by_ps(os.getpid())
    assert _start_by_ps(ended_process()) is None


def test_a_file_where_the_folder_should_be_is_an_error_and_no_endless_wait(tmp_path):
    (tmp_path / "run").write_bytes(b"a file")
    with pytest.raises(StorageError, match="cannot write .*run.lock: "), folder_lock(Store(str(tmp_path / "run"))):
        pass
