"""How large a store says that it is, and how it is encoded: changed by hand, it is refused before anything is taken."""

import functools
import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numcodecs.zstd import Zstd  # type: ignore[import-untyped]

from ensemble import Sweep, run_sweep
from ensemble.errors import StoreError
from ensemble.store import Layout, Ledger, creation
from ensemble.store.decompression import decompressed_size, metadata_of
from ensemble.store.group import commit
from ensemble.store.local_folder import Folder
from ensemble.store.size_limits import MOST_POINTS, check_grid
from ensemble.sweep.toml_values import Value
from tests.support.command import invoke
from tests.support.elsewhere import python
from tests.support.processes import read_output
from tests.support.toy_model import TOY, ToyModel

MODEL = TOY.rpartition(":")[0]
TABLE: dict[str, Any] = {
    "model": TOY,
    "realizations": 4,
    "seed": 1,
    "axes": {"size": [2, 3]},
    "observables": ["walk"],
    "store": {"chunk": 2},
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    store = tmp_path_factory.mktemp("small") / "a.zarr"
    run_sweep(Sweep.from_table(TABLE), store, cluster=address)
    return store


@pytest.fixture
def store(undisturbed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "a.zarr")


ROOM = 600 * 2**20
"""Bytes that commands may take besides what they have taken for a small store."""
HUGE = 1_500_000_000
"""Bytes that 46 kB become."""
LIMITED = f"""
import json, resource, sys
from pathlib import Path
import ensemble
from tests.support.command import invoke

small, model, *stores = sys.argv[1:]
commands = [["status"], ["average"], ["fit", "--law", "plateau"], ["plot", "--output", "a.png"]]
commands.append(["replay", "size=2", "1", "--model", model])

def said(store):
    for command in commands:
        done = invoke(command[0], store, *command[1:])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        yield command[0], done.exit_code, done.stderr
    try:
        ensemble.open(store).walk.load()
        yield "open", 0, ""
    except (ensemble.EnsembleError, ValueError) as error:  # Zarr raises the other one where data are loaded later
        yield "open", 1, str(error)

assert all(code == 0 for _, code, _ in said(small))
pages = int(Path("/proc/self/statm").read_text().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + {ROOM},) * 2)
print(json.dumps({{store: list(said(store)) for store in stores}}))
"""
LEDGER = ("status", "provenance", "attempts", "landed", "exception")


def edit(store: Path, *names: str, chunk_shape: list[int] | None = None, **changes: Any) -> None:
    """Change what the metadata of arrays say, in both places, and leave their files as they are."""
    for name in names:
        file = store / name / "zarr.json"
        table = {**json.loads(file.read_text()), **changes}
        if chunk_shape:
            table["chunk_grid"]["configuration"]["chunk_shape"] = chunk_shape
        file.write_text(json.dumps(table))
    commit(store, {})


def write_zeros(file: Path, size: int = HUGE) -> None:
    """Write a chunk of zeros, as Zarr would: one frame of Zstandard, in which 4 bytes stand for 128 KiB, and CRC32C."""
    blocks = [min(2**17, size - start) for start in range(0, size, 2**17)]
    headers = [
        (length << 3 | 1 << 1 | (at == len(blocks) - 1)).to_bytes(3, "little") for at, length in enumerate(blocks)
    ]
    data = b"\x28\xb5\x2f\xfd\xe0" + size.to_bytes(8, "little") + b"\0".join(headers) + b"\0"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data + crc32c(data).to_bytes(4, "little"))


def crc32c(data: bytes) -> int:
    """The checksum of a chunk, bit by bit."""
    table = [functools.reduce(lambda value, _: value >> 1 ^ 0x82F63B78 * (value & 1), range(8), n) for n in range(256)]
    return functools.reduce(lambda value, byte: table[(value ^ byte) & 255] ^ value >> 8, data, 2**32 - 1) ^ 2**32 - 1


def claim_realizations(store: Path, count: int) -> None:
    edit(store, *LEDGER, shape=[2, count])
    edit(store, "walk", shape=[2, count, 4])
    edit(store, "realization", shape=[count])


def claim_points(store: Path, count: int) -> None:
    edit(store, *LEDGER, shape=[count, 4])
    edit(store, "walk", shape=[count, 4, 4])
    edit(store, "size", "core_seconds", shape=[count])


def claim_times(store: Path) -> None:
    edit(store, "t", shape=[HUGE // 8], chunk_shape=[HUGE // 8])
    edit(store, "walk", shape=[2, 4, HUGE // 8], chunk_shape=[1, 2, HUGE // 8])
    write_zeros(store / "t" / "c" / "0")


def claim_sizes(store: Path) -> None:
    edit(store, "size", shape=[HUGE // 8], chunk_shape=[HUGE // 8])
    write_zeros(store / "size" / "c" / "0")


def ask_for_many(store: Path) -> None:
    asked = json.loads(str(zarr.open_group(store).attrs["asked"]))
    asked["axes"] = {name: list(range(10_000)) for name in "abcdef"}
    commit(store, {"asked": json.dumps(asked)})


EVERYTHING = {"status", "average", "fit", "plot", "replay", "open"}
EXPLODE: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "1e11 realizations": (lambda store: claim_realizations(store, 10**11), EVERYTHING),
    "1e10 points": (lambda store: claim_points(store, 10**10), EVERYTHING),
    "realizations without a coordinate": (lambda store: claim_realizations(store, HUGE // 8), EVERYTHING),
    "points without a coordinate": (lambda store: claim_points(store, MOST_POINTS), EVERYTHING),
    "a long status": (lambda store: edit(store, "status", shape=[2, 10**11]), EVERYTHING),
    "long times": (lambda store: edit(store, "t", shape=[10**11]), EVERYTHING),
    "many points": (lambda store: edit(store, "core_seconds", shape=[10**11]), EVERYTHING),
    "times in one chunk": (claim_times, EVERYTHING),
    "sizes in one chunk": (claim_sizes, EVERYTHING),
    "many points asked for": (ask_for_many, EVERYTHING - {"open"}),
    "a chunk of the status": (lambda store: write_zeros(store / "status/c/0/0"), EVERYTHING),
    "a chunk of points": (lambda store: write_zeros(store / "core_seconds/c/0"), {"status"}),
    "a chunk of times": (lambda store: write_zeros(store / "t/c/0"), EVERYTHING),
    "a chunk of sizes": (lambda store: write_zeros(store / "size/c/0"), EVERYTHING),
    "a chunk of the walk": (lambda store: write_zeros(store / "walk/c/0/0/0"), EVERYTHING - {"status"}),
}
"""Ways to make a small store that takes much memory, and who must refuse it."""


@pytest.mark.slow
def test_a_small_store_that_takes_much_memory_is_refused(undisturbed: Path, tmp_path: Path) -> None:
    for way, (change, _) in EXPLODE.items():
        change(shutil.copytree(undisturbed, tmp_path / way))
        assert sum(file.stat().st_size for file in (tmp_path / way).rglob("*") if file.is_file()) < 2**20
    arguments = [str(undisturbed), MODEL, *(str(tmp_path / way) for way in EXPLODE)]
    answers = json.loads(read_output(python(f"sys.argv[1:] = {arguments!r}\n{LIMITED}"), tmp_path))
    for way, (_, refusing) in EXPLODE.items():
        for command, code, told in answers[str(tmp_path / way)]:
            assert "not enough memory" not in told, (way, command)
            assert (code != 0) == (command in refusing), (way, command, told)
            assert sum(not line.startswith("importing") for line in told.splitlines()) == (code != 0), (
                way,
                command,
                told,
            )


@pytest.mark.slow
def test_a_store_as_large_as_a_sweep_may_ask_for_needs_no_chunks(undisturbed: Path, tmp_path: Path) -> None:
    layout = Layout.read(undisturbed)
    for name, points, realizations in (("points", 1_000_000, 1), ("realizations", 1_000, 1_000_000)):
        axes: dict[str, tuple[Value, ...]] = {"size": tuple(range(2, 2 + points))}
        asked = {**layout.asked, "axes": {"size": list(axes["size"])}, "realizations": realizations}
        large = replace(layout, axes=axes, realizations=realizations, asked=asked)
        creation.create(tmp_path / name, large, ToyModel)
        ledger = Ledger.reading(tmp_path / name)
        assert ledger.status.shape == (points, realizations)
        assert not ledger.status[-1].any()


@pytest.mark.parametrize(
    ("lengths", "realizations"), [([10**7 + 1], 1), ([10**4, 10**4], 1), ([10], 10**8 + 1), ([1], 10**11)]
)
def test_a_grid_that_no_driver_could_hold(lengths: list[int], realizations: int) -> None:
    check_grid("a.zarr", [10**7], 100)
    with pytest.raises(
        StoreError, match="may have 10000000 points, and 1000000000 realizations at all of them together"
    ):
        check_grid("a.zarr", lengths, realizations)


def test_a_store_does_not_grow_beyond_that(toy: Callable[..., Sweep], tmp_path: Path) -> None:
    """Two sweeps that may be asked for, each in a store of its own; the grid of both together has too many points."""
    store, many = tmp_path / "a.zarr", 10**5
    with Ledger.writing(store, toy(realizations=many, axes={"size": [*range(2, 102)], "drift": [0.0]}), chunk=4):
        pass
    before = (store / "zarr.json").read_bytes()
    other = toy(realizations=many, axes={"size": [2], "drift": [float(drift) for drift in range(1, 101)]})
    with pytest.raises(StoreError, match="got 10100 points with 100000 realizations each"):
        Ledger.writing(store, other, chunk=4).__enter__()
    assert (store / "zarr.json").read_bytes() == before


def test_the_size_of_what_is_compressed() -> None:
    """Frames that tell their size and frames that do not, several of them, and what is none."""
    encoded = bytes(Zstd(level=3).encode(np.arange(10**5)))
    assert decompressed_size(encoded + b"1234") == 8 * 10**5
    assert decompressed_size(encoded * 3) == 24 * 10**5
    skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert decompressed_size(skipped + encoded + skipped) == 8 * 10**5
    untold = b"\x28\xb5\x2f\xfd\x00\x58" + ((2**17 << 3) | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    assert decompressed_size(untold) == len(Zstd().decode(untold)) == 2**17
    for nothing in (b"", b"1234", encoded[:3]):
        assert decompressed_size(nothing) == 0


@pytest.mark.parametrize(
    ("chunk", "metadata"),
    [
        ("walk/c/0/0", "walk/zarr.json"),
        ("c/0/0", "zarr.json"),
        ("c/c/0", "c/zarr.json"),
        ("walk/c", "walk/zarr.json"),
        ("c", "zarr.json"),
    ],
)
def test_the_metadata_of_a_chunk(chunk: str, metadata: str) -> None:
    assert metadata_of(chunk) == metadata


def test_a_large_chunk_that_its_array_has_is_read(tmp_path: Path) -> None:
    """Alone and through its group."""
    array = zarr.create_array(
        str(tmp_path / "a" / "c"), shape=(3 * 2**20,), chunks=(3 * 2**20,), dtype=float, overwrite=True
    )
    array[:] = 1.0
    assert zarr.open_array(Folder(tmp_path / "a" / "c"), mode="r")[-1] == 1.0
    assert zarr.open_array(Folder(tmp_path / "a"), path="c", mode="r")[-1] == 1.0


# Files and encodings


def pickled(store: Path) -> None:
    """An array of Zarr 2 whose objects are pickled: unpickling calls what the pickle names."""
    trace = store.parent / "ran"
    data = pickle.dumps(np.array([Touch(trace)], dtype=object))
    table = json.loads((store / "zarr.json").read_text())
    old = {"zarr_format": 2, "shape": [2, 4, 4], "chunks": [2, 4, 4], "dtype": "|O", "fill_value": 0, "order": "C"}
    old |= {"compressor": None, "filters": [{"id": "pickle"}]}
    attributes = table["consolidated_metadata"]["metadata"]["walk"]["attributes"]
    dimensions = {"_ARRAY_DIMENSIONS": ["size", "realization", "t"]}
    table["consolidated_metadata"]["metadata"]["walk"] = {**old, "attributes": {**attributes, **dimensions}}
    shutil.rmtree(store / "walk")
    (store / "walk").mkdir()
    (store / "walk" / ".zarray").write_text(json.dumps(old))
    (store / "walk" / ".zattrs").write_text(json.dumps({**attributes, **dimensions}))
    (store / "walk" / "0.0.0").write_bytes(data)
    (store / "zarr.json").write_text(json.dumps(table))


class Touch:
    """Touches a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def other_codecs(store: Path) -> None:
    codecs = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "gzip", "configuration": {"level": 1}}]
    edit(store, "walk", codecs=codecs)


def twice_compressed(store: Path) -> None:
    codecs = json.loads((store / "walk" / "zarr.json").read_text())["codecs"]
    edit(store, "walk", codecs=[codecs[0], codecs[1], *codecs[1:]])


def device(store: Path) -> None:
    (store / "walk/c/0/0/0").unlink()
    (store / "walk/c/0/0/0").symlink_to("/dev/zero")


def pipe(store: Path) -> None:
    (store / "status/c/0/0").unlink()
    os.mkfifo(store / "status/c/0/0")


@pytest.mark.filterwarnings("ignore:Object at:zarr.errors.ZarrUserWarning")
@pytest.mark.parametrize("change", [pickled, other_codecs, twice_compressed, device, pipe])
def test_what_a_run_does_not_write_is_not_decoded(change: Callable[[Path], None], store: Path) -> None:
    change(store)
    for command in (("average",), ("fit", "--law", "plateau"), ("replay", "size=2", "1", "--model", MODEL)):
        done = invoke(command[0], store, *command[1:])
        assert done.exit_code in (1, 2), done.output
        assert isinstance(done.exception, SystemExit)
        assert done.stderr.splitlines()[-1].startswith("ensemble: ")
        assert "must be" in done.stderr
    assert not (store.parent / "ran").exists()
