"""A storage that fails for a while is waited for; one that refuses, or fails for good, ends with a sentence."""

import errno
import os
import pickle

import pytest
from s3_proxy import s3_proxy

from vsd2m.core.errors import MissingFileError, StorageError
from vsd2m.core.storage import Store
from vsd2m.core.storage_faults import Retries


class Time:
    """Passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)

    def retries(self, patience_s: float = 120, chance: float = 1.0) -> Retries:
        return Retries(patience_s, self.sleep, lambda: self.now, lambda: chance)


class ClientError(Exception):
    """As botocore keeps a server's reply."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


ClientError.__module__ = "botocore.exceptions"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def of_a_client(name: str, module: str) -> Exception:
    """An error that only its name and the library it comes from tell about."""
    return type(name, (Exception,), {"__module__": module})(name)


LOST_CONNECTIONS = (
    ("ServerDisconnectedError", "aiohttp.client_exceptions"),
    ("ClientPayloadError", "aiohttp.client_exceptions"),
    ("ReadTimeoutError", "urllib3.exceptions"),
    ("IncompleteRead", "urllib3.exceptions"),
    ("ClientConnectionError", "aiohttp.client_exceptions"),
    ("ConnectionClosedError", "botocore.exceptions"),
)
TRANSIENT = [
    *(of_a_client(name, module) for name, module in LOST_CONNECTIONS),
    TimeoutError("no reply"),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    OSError(errno.EBUSY, "503"),
    caused(OSError(errno.EIO, "unknown"), ClientError("BadGateway", 502)),
    ClientError("SlowDown", 503),
    ClientError("Throttling", 429),
]
LASTING = [
    PermissionError(errno.EACCES, "refused"),
    OSError(errno.ENOSPC, "full"),
    IsADirectoryError(errno.EISDIR, "folder"),
    ClientError("NoSuchBucket", 404),
]


def failing(*errors: Exception):
    """An operation that raises one error after the other, then returns how often it was called."""
    calls = []

    def operation() -> int:
        calls.append(1)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return len(calls)

    return operation


def never() -> None:
    raise AssertionError("credentials were asked for")


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_a_fault_that_passes_is_waited_for(error):
    assert Time().retries().call(failing(error, error), name="read x", renew=never) == 3


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_a_refusal_is_raised_at_once(error):
    time = Time()
    with pytest.raises(StorageError, match="cannot read x: "):
        time.retries().call(failing(error), name="read x", renew=never)
    assert time.pauses == []


def test_a_missing_file_and_a_bug_stay_what_they_are():
    with pytest.raises(MissingFileError):
        Time().retries().call(failing(FileNotFoundError(errno.ENOENT, "none")), name="read x", renew=never)
    with pytest.raises(ZeroDivisionError):
        Time().retries().call(failing(ZeroDivisionError()), name="read x", renew=never)


def test_a_server_that_is_busy_for_25_seconds_is_waited_for():
    time = Time()

    def operation() -> float:
        if time.now < 25:
            raise OSError(errno.EBUSY, "503")
        return time.now

    assert 25 <= time.retries().call(operation, name="read x", renew=never) < 40


def test_pauses_grow_to_a_limit_are_random_and_end_with_the_patience():
    time = Time()
    with pytest.raises(StorageError, match=r"asked 10 times in 92 s: run the command again to resume"):
        time.retries(100).call(failing(*[TRANSIENT[0]] * 50), name="read x", renew=never)
    assert time.pauses == [0.5, 1, 2, 4, 8, 16, 20, 20, 20]
    shorter = Time()
    with pytest.raises(StorageError):
        shorter.retries(3, chance=0.0).call(failing(*[TRANSIENT[0]] * 50), name="read x", renew=never)
    assert shorter.pauses == [0.25, 0.5, 1]


def test_expired_credentials_are_asked_for_once_and_then_end_the_run_with_a_sentence():
    expired = caused(PermissionError("expired"), ClientError("ExpiredToken", 403))
    renewals = []
    assert Time().retries().call(failing(expired), name="read x", renew=lambda: renewals.append(1)) == 2
    with pytest.raises(StorageError, match=r"credentials have expired.* renew them, then run the command again"):
        Time().retries().call(failing(expired, expired), name="read x", renew=lambda: renewals.append(1))
    assert len(renewals) == 2


def test_a_store_keeps_its_patience_on_its_way_to_a_worker(tmp_path):
    store = Store(str(tmp_path), retries=Retries(7))
    assert pickle.loads(pickle.dumps(store)).retries.patience_s == 7


@pytest.fixture
def proxied(s3_bucket, tmp_path, monkeypatch):
    """A store of an S3 server behind a proxy; the client itself repeats nothing."""
    with s3_proxy(os.environ["AWS_ENDPOINT_URL"]) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        time = Time()
        store = Store(f"{s3_bucket}/{tmp_path.name}", retries=time.retries())
        store._renew()  # fsspec keeps file systems: this one is for the proxy
        proxy.requests.clear()
        yield store, proxy


@pytest.mark.parametrize("fault", ["busy", "internal", "gateway", "reset"])
def test_an_s3_server_that_fails_for_a_while_is_waited_for(proxied, fault):
    store, proxy = proxied
    for operation in (
        lambda: store.write_bytes("a/b", b"12345"),
        lambda: store.read_bytes("a/b"),
        lambda: store.read_range("a/b", 1, 2),
        lambda: store.list("a"),
        lambda: store.exists("a/b"),
        lambda: store.size("a/b"),
        lambda: store.sha256("a/b"),
        lambda: store.create_bytes("a/c", b"ours"),
        lambda: store.delete("a/b"),
    ):
        proxy.faults = [fault, fault]
        operation()
        assert proxy.faults == []
    assert store.list("a") == ["c"]


def test_a_small_object_is_one_request_to_write_and_one_to_read(proxied):
    store, proxy = proxied
    store.write_bytes("a/small", b"12345")
    with store.open_write("a/streamed") as file:
        file.write(b"12")
        file.write(b"345")
    assert [method for method, _ in proxy.requests] == ["PUT", "PUT"]
    assert store.read_bytes("a/streamed") == b"12345"
    assert [method for method, _ in proxy.requests[2:]] == ["GET"]


def test_expired_credentials_of_s3_are_read_anew(proxied, monkeypatch):
    store, proxy = proxied
    proxy.on_fault = lambda fault: monkeypatch.setenv("AWS_ACCESS_KEY_ID", "renewed")
    proxy.faults = ["expired"]
    store.write_bytes("a", b"1")
    assert "renewed/" not in proxy.authorizations[-2] and "renewed/" in proxy.authorizations[-1]


def test_a_refusal_of_s3_is_one_request(proxied):
    store, proxy = proxied
    proxy.faults = ["denied"]
    with pytest.raises(StorageError, match="cannot write .*: "):
        store.write_bytes("a", b"1")
    assert len(proxy.requests) == 1


def test_a_lock_whose_reply_was_lost_is_known_to_be_ours(proxied):
    """The server creates the file, but the reply does not arrive: the second try finds our own file."""
    store, proxy = proxied
    forward = proxy.RequestHandlerClass._forward
    lost = []

    class Loses(proxy.RequestHandlerClass):
        def _send(self, status, headers, body):
            if self.command == "PUT" and not lost:
                lost.append(1)
                self.close_connection = True
            else:
                super()._send(status, headers, body)

    assert forward is Loses._forward
    proxy.RequestHandlerClass = Loses
    assert store.create_bytes("lock", b"ours")
    assert lost
    assert not store.create_bytes("lock", b"theirs")
