"""A store on object storage: the same bits as in a folder, with kills, growth, and one driver at a time.

The bucket is that of a real server on this machine, spoken to by driver and workers over HTTP.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from distributed import Client

import ensemble
from ensemble import Sweep, run_sweep
from ensemble.cli import main
from ensemble.cluster import connect
from ensemble.errors import LockLost, StoreError, StoreLocked, StoreNotFound
from ensemble.reduce import average
from ensemble.run.session import count_missing
from ensemble.store import ChunkRegion, Ledger, Receipt, Status, creation, lock, object_lock, object_storage
from ensemble.store.layout import Layout
from ensemble.store.location import MAKING, parse_location
from ensemble.store.object_lock import Lease
from ensemble.store.object_storage import ObjectStorageLocation
from ensemble.verify import Replay, verify
from tests.support.clusters import address_of
from tests.support.command import BIN, line
from tests.support.contents import contents
from tests.support.elsewhere import python
from tests.support.faults import sweep
from tests.support.processes import execute, run_in_thread, start
from tests.support.toy_model import TOY
from tests.support.waiting import wait_during, wait_until

pytestmark = pytest.mark.s3

Toy = Callable[..., Sweep]

BUCKET = "ensembles"
SWEEP = sweep(realizations=24)
RUN = ("run", "sweep.toml", "--cluster", "tcp://127.0.0.1:1", "--store")
"""On no cluster."""
FAILING: dict[str, Any] = {"parameters": {"raises_below": 0.05}}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of object storage with an empty bucket, a client of it, and an environment that names it."""
    log = tmp_path_factory.mktemp("s3") / "log"
    with (
        log.open("w") as written,
        start([BIN / "moto_server", "-H", "127.0.0.1", "-p", "0"], stderr=written) as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        wait_during(server, lambda: "Running on " in log.read_text())
        (endpoint,) = re.findall(r"Running on (\S+)\n", log.read_text())
        told = {
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "a-secret-that-nobody-tells",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": endpoint,
        }
        for name, value in told.items():
            environment.setenv(name, value)
        client = boto3.client("s3")
        try:
            client.create_bucket(Bucket=BUCKET)
            yield client
        finally:
            client.close()


@pytest.fixture(scope="module")
def address(s3: Any) -> Iterator[str]:
    """Two worker processes that have inherited the environment."""
    with connect("local", workers=2, insecure=True) as client:
        yield address_of(client)


@pytest.fixture
def url(s3: Any, request: pytest.FixtureRequest) -> str:
    """Where nothing is."""
    return f"s3://{BUCKET}/{request.node.name}/a.zarr"


def keys(s3: Any, url: str) -> list[str]:
    """The objects of a folder, as seen from it."""
    prefix = url.removeprefix(f"s3://{BUCKET}/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
    return [each["Key"].removeprefix(f"{prefix}/") for page in pages for each in page.get("Contents", ())]


def put(s3: Any, url: str, text: str) -> None:
    """Write an object."""
    s3.put_object(Bucket=BUCKET, Key=url.removeprefix(f"s3://{BUCKET}/"), Body=text.encode())


def test_a_run_a_growth_and_averages_are_those_of_a_folder(
    toy: Toy, s3: Any, url: str, address: str, tmp_path: Path
) -> None:
    """Chunks are written by two workers, and read by plain xarray and by tasks on these workers."""
    stores = (url, tmp_path / "a.zarr")
    for store in stores:
        begun = run_sweep(toy(**FAILING, realizations=6, axes={"size": [3], "drift": [0.5]}), store, cluster=address)
        grown = run_sweep(toy(**FAILING), store, cluster=address)
        assert (begun.found, begun.computed, grown.found, grown.computed, grown.failed) == (0, 5, 5, 33, 2)
    assert contents(url) == contents(stores[1])
    assert {key.partition("/")[0] for key in keys(s3, url)} == {path.name for path in stores[1].iterdir()}
    assert keys(s3, url.rpartition("/")[0]) == [f"a.zarr/{key}" for key in keys(s3, url)], (
        "something was left beside it"
    )
    with xr.open_zarr(url, storage_options={"use_listings_cache": False}) as plain:
        assert plain["walk"].dims == ("size", "drift", "realization", "t")
    views = [ensemble.open(store).drop_vars(("provenance", "landed", "core_seconds")).compute() for store in stores]
    xr.testing.assert_identical(*views)
    with Client(address) as client:
        here, there = average(stores[1], audited=True), average(url, audited=True, client=client)
    xr.testing.assert_equal(here, there)
    nothing = run_sweep(toy(**FAILING), url, cluster="tcp://127.0.0.1:1")
    assert nothing.complete


def test_a_stop_rule_ends_where_it_does_in_a_folder(toy: Toy, url: str, address: str, tmp_path: Path) -> None:
    stop = {"observable": "walk", "law": "mean", "at": 3, "absolute": 0.2, "min": 16}
    asked = toy(axes={"size": [2, 6]}, realizations=100, store={"chunk": 16}, stop=stop)
    for store in (url, tmp_path / "a.zarr"):
        assert run_sweep(asked, store, cluster=address).met == 2
    assert contents(url) == contents(tmp_path / "a.zarr")


def test_a_killed_driver_and_a_second_one(s3: Any, url: str, address: str, tmp_path: Path) -> None:
    """The first is held still while the second comes; after a kill the next one need not wait."""
    (tmp_path / "sweep.toml").write_text(SWEEP)
    command = line("run", "sweep.toml", "--store", url, "--cluster", address, "--batch", "1")
    with start(command, tmp_path) as run:
        wait_during(run, lambda: sum(key.startswith("walk/c") for key in keys(s3, url)) >= 2)
        run.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreLocked, match=f"must have one driver at a time, but process {run.pid} on "):
            count_missing(Sweep.read(tmp_path / "sweep.toml"), parse_location(url))
        assert (lock.told(parse_location(url)) or {})["pid"] == run.pid
    assert lock.told(parse_location(url)) is None
    assert int((ensemble.open(url)["status"] == Status.TODO).sum()) > 0
    assert run_sweep(tmp_path / "sweep.toml", url, cluster=address).complete
    (tmp_path / "sweep.toml").write_text(SWEEP.replace("0.03", "0.0"))
    assert run_sweep(tmp_path / "sweep.toml", tmp_path / "a.zarr", cluster=address).complete
    assert contents(url) == contents(tmp_path / "a.zarr")


def test_a_driver_that_was_silent_is_replaced_and_stops(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as long is shortened; the clock is that of the server, which counts in seconds."""
    store = parse_location(url)
    assert isinstance(store, ObjectStorageLocation)
    monkeypatch.setattr("ensemble.store.object_lock._RENEWED", 1000.0)
    silent = Lease.take(store)
    assert silent
    assert Lease.take(store) is None
    assert lock.holder(store) == f"process {os.getpid()} on {socket.gethostname()}"
    silent.check()
    monkeypatch.setattr("ensemble.store.object_lock._STALE", 0.5)
    wait_until(lambda: lock.holder(store) is None)
    with lock.hold(store) as held:
        monkeypatch.setattr("ensemble.store.object_lock._STALE", 1000.0)
        monkeypatch.setattr("ensemble.store.object_lock._DOUBTFUL", 0.0)
        with pytest.raises(StoreLocked, match="another driver has taken it over"):
            silent.check()
        silent.drop()
        held.check()
        held.tell(rate=3.0)
        held.check()
        assert (lock.told(store) or {})["rate"] == 3.0
    assert lock.told(store) is None


def test_a_driver_whose_lease_is_removed_writes_nothing(
    toy: Toy, s3: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds out when it looks again: before it makes a store, lets it grow, or writes the status."""
    store = parse_location(url)
    assert isinstance(store, ObjectStorageLocation)
    monkeypatch.setattr("ensemble.store.object_lock._RENEWED", 1000.0)
    monkeypatch.setattr("ensemble.store.object_lock._DOUBTFUL", 0.0)

    def create(check: Callable[[], None]) -> None:
        object_lock.place(store).unlink()
        creation.create(store, Layout.of(toy(), 4), toy().model, check)

    lost = r"has lost its lock: .*/\.a\.zarr\.lock was removed, or another driver"
    with pytest.raises(LockLost, match=lost), lock.hold(store, create):
        pass
    with pytest.raises(StoreNotFound):
        ensemble.open(url)
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(Ledger.writing(store, toy(), 4))
        ledger.enter([Receipt(ChunkRegion((0, 0), 0, 4, range(4)), {}, 1.0, {"version": "1"}, np.zeros(4, np.uint32))])
        object_lock.place(store).unlink()
        before = contents(url)
        with pytest.raises(LockLost):
            creation.grow(store, ledger.layout.grown(toy(realizations=12)), ledger.check)
        with pytest.raises(LockLost):
            stack.close()
    assert contents(url) == before


def test_the_lease_of_a_driver_elsewhere_is_kept_to(toy: Toy, s3: Any, url: str) -> None:
    """Its process cannot be looked for, so only time tells; one that cannot be read is somebody's as well."""
    for text, who in (
        (json.dumps({"host": "elsewhere", "pid": 1, "machine": "another"}), "process 1 on elsewhere"),
        ("", "a driver that has just started"),
    ):
        put(s3, f"{url.rpartition('/')[0]}/.a.zarr.lock", text)
        with pytest.raises(StoreLocked, match=f"{who} is at work on it"):
            run_sweep(toy(), url, cluster="tcp://127.0.0.1:1")
    put(s3, f"{url.rpartition('/')[0]}/.a.zarr.lock", "")


def test_an_endpoint_that_heeds_no_conditions_is_refused(
    s3: Any, url: str, monkeypatch: pytest.MonkeyPatch, careless: str
) -> None:
    """Two drivers could not be kept apart there; nothing is left behind."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", careless)
    object_storage._files.cache_clear()
    try:
        with pytest.raises(StoreError, match="must keep to If-None-Match and If-Match of S3, but it does not"):
            Lease.take(ObjectStorageLocation(url))
    finally:
        object_storage._files.cache_clear()
    assert keys(s3, url.rpartition("/")[0]) == []


@pytest.fixture
def careless(s3: Any) -> Iterator[str]:
    """The address of a server that passes requests on, but not the conditions that they are made on."""
    dropped = ("if-match", "if-none-match", "expect")
    behind = urlsplit(os.environ["AWS_ENDPOINT_URL_S3"]).netloc

    class Careless(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            passed = http.client.HTTPConnection(behind, timeout=60)
            passed.request(self.command, self.path, body, kept)
            answer = passed.getresponse()
            self.send_response(answer.status)
            for name in ("ETag", "Last-Modified"):
                if value := answer.getheader(name):
                    self.send_header(name, value)
            text = answer.read()
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            passed.close()

        def do_DELETE(self) -> None:
            self.headers["Content-Length"] = "0"
            self.do_PUT()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server, run_in_thread(server.serve_forever):
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_what_a_driver_left_that_was_killed_while_it_made_the_store(
    toy: Toy, s3: Any, url: str, address: str, tmp_path: Path
) -> None:
    """Until the last object is there, there is no store; the next driver begins anew, and takes away what is left."""
    begun = {"zarr_format": 3, "node_type": "group", "attributes": {MAKING: True}}
    put(s3, f"{url}/zarr.json", json.dumps(begun))
    put(s3, f"{url}/older/zarr.json", "{}")
    with pytest.raises(StoreNotFound, match="there is nothing"):
        ensemble.open(url)
    for store in (url, tmp_path / "a.zarr"):
        run_sweep(toy(), store, cluster=address)
    assert contents(url) == contents(tmp_path / "a.zarr")
    assert not [key for key in keys(s3, url) if key.startswith("older")]


def test_a_folder_of_something_else_is_refused_and_kept(toy: Toy, s3: Any, url: str) -> None:
    put(s3, f"{url}/thesis.pdf", "years")
    with pytest.raises(StoreError, match="must be a store that `ensemble run` made, but it is no Zarr group"):
        run_sweep(toy(), url, cluster="tcp://127.0.0.1:1")
    assert keys(s3, url) == ["thesis.pdf"]


def test_a_lost_chunk_is_found_and_computed_again(toy: Toy, s3: Any, url: str, address: str) -> None:
    run_sweep(toy(), url, cluster=address)
    before = contents(url)
    assert verify(url, fraction=0.2, cluster=address, model=TOY).well
    s3.delete_object(Bucket=BUCKET, Key=f"{url.split('/', 3)[3]}/walk/c/1/0/1/0")
    found = verify(url, repair=True, cluster=address, model=TOY)
    assert [damage.file for damage in found.damages] == ["walk/c/1/0/1/0"]
    assert found.lost == 4
    assert run_sweep(toy(), url, cluster=address).computed == 4
    assert contents(url) == before
    again = Replay.of(url, "size=3,drift=0.5", 7, TOY)
    assert not any(again.deviations(again.compute()).values())


def test_commands(s3: Any, url: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they print is what they print of a folder; a figure goes to the current folder; no secret is told."""
    monkeypatch.chdir(tmp_path)
    Path("sweep.toml").write_text(SWEEP.replace("0.03", "0.0"))
    told = [told_by("run", "sweep.toml", "--store", store, "--cluster", address) for store in (url, "b.zarr")]
    assert [each.exit_code for each in told] == [1, 1]
    assert told[0].stdout.splitlines()[1:-2] == told[1].stdout.splitlines()[1:-2]
    assert told[0].stdout.splitlines()[-2:] == [f"store   {url}", "figure  a.png"]
    assert Path("a.png").exists()
    rows = [json.loads(told_by("status", store, "--json").stdout) for store in (url, "b.zarr")]
    assert [[row["done"] for row in each["points"]] for each in rows] == [[20, 20, 23, 23]] * 2
    assert rows[0]["driver"] is None
    for command in (("fit", "--law", "mean", "--observable", "final"), ("average", "--select", "size=2")):
        there, here = (told_by(*command, store) for store in (url, "b.zarr"))
        assert there.exit_code == 0, there.stderr
        assert there.stdout == here.stdout
        told.append(there)
    assert json.loads(told_by("plan", "sweep.toml", "--store", url, "--json").stdout)["missing"] == 0
    bodies = (s3.get_object(Bucket=BUCKET, Key=f"{url.split('/', 3)[3]}/{key}")["Body"].read() for key in keys(s3, url))
    everything = (*bodies, *((each.stdout + each.stderr).encode() for each in told))
    assert not [text for text in everything if b"a-secret" in text]


@pytest.mark.parametrize(
    ("command", "pattern"),
    [
        (("status", "s3://nothing-here/a.zarr"), "s3://nothing-here/.* there is no such bucket; make it, or give"),
        ((*RUN, "s3://nothing-here/a.zarr"), "s3://nothing-here/.* there is no such bucket; make it, or give"),
        (("average", f"s3://{BUCKET}/a.zarr"), f"there must be a store at s3://{BUCKET}/a.zarr, but there is nothing"),
        (("status", "ftp://here/a.zarr"), "must be a folder or s3://BUCKET/NAME, got 'ftp://here/a.zarr'"),
        ((*RUN, "s3://bucket"), "must be a folder or s3://BUCKET/NAME, got 's3://bucket'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_not_there_is_told_in_one_sentence(
    command: Sequence[str], pattern: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.toml").write_text(SWEEP)
    is_one_sentence(told_by(*command), pattern)


def test_what_the_environment_lacks_is_told_in_one_sentence(s3: Any, url: str, tmp_path: Path) -> None:
    """An endpoint, credentials, a package."""
    nowhere = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    bare = "import sys; sys.modules['s3fs'] = None; from ensemble.cli import main; main()"
    cases: list[tuple[list[str], dict[str, str], str]] = [
        (line("status", url), nowhere, "must be within reach, but Could not connect to the .*; check the network"),
        (line("status", url), nobody, "access is denied: Unable to locate credentials; check"),
        ([*python(bare), "status", url], {}, r"needs a package more: pip install 'ensemble\[s3\]'"),
    ]
    for command, more, pattern in cases:
        done = execute(command, env={**os.environ, **more})
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert re.fullmatch(rf"ensemble: .*{pattern}.*\n", done.stderr), done.stderr


def test_access_that_is_denied_is_told_in_one_sentence(s3: Any, url: str) -> None:
    """For a while the server asks for signatures of somebody whom it knows."""
    ask_for_signatures("0")
    try:
        is_one_sentence(told_by("status", url), "must be within reach, but access is denied: .*; check the credentials")
    finally:
        ask_for_signatures("inf")


def ask_for_signatures(after: str) -> None:
    """Have the server do so many requests for anybody, and then for nobody."""
    reset = f"{os.environ['AWS_ENDPOINT_URL_S3']}/moto-api/reset-auth"
    text = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(reset, after.encode(), text, method="POST"), timeout=60).close()


def told_by(*arguments: str) -> Result:
    """What a command prints."""
    return CliRunner().invoke(main, arguments)


def is_one_sentence(told: Result, pattern: str) -> None:
    assert (told.exit_code, told.stdout) == (2, ""), told.output
    assert re.fullmatch(rf"ensemble: .*{pattern}.*\n", told.stderr), told.stderr
