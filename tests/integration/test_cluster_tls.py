"""A running cluster behind TLS: who has its keys computes on it, nobody else does, and keys are told to nobody."""

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ensemble.cluster import tls_keys
from tests.support import SUPPORT
from tests.support.clusters import dask, scheduler
from tests.support.command import run
from tests.support.contents import contents

SWEEP = 'model = "toy_model.py:ToyModel"\nrealizations = 6\nseed = 1\naxes.size = [2, 3]\nstore.chunk = 4\n'


def options(folder: Path) -> tuple[str, ...]:
    """The options of Dask's commands, and of ours, for the keys in a folder."""
    certificate, key = (str(folder / name) for name in tls_keys.FILES)
    return "--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with keys."""
    folder = tmp_path_factory.mktemp("keys")
    tls_keys.make(folder)
    return folder


@pytest.fixture(scope="module")
def behind_tls(secret: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a scheduler that has a worker, both with these keys."""
    tls = ("--protocol", "tls", *options(secret))
    with (
        scheduler(tmp_path_factory.mktemp("scheduler"), *tls) as (file, _),
        dask("worker", "--nthreads", "1", "--no-nanny", "--scheduler-file", file, *tls),
    ):
        yield Path(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toy_model.py").write_text((SUPPORT / "toy_model.py").read_text())
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return tmp_path


def address_in(file: Path) -> str:
    """The address in a scheduler file."""
    (found,) = (word for word in file.read_text().split('"') if word.startswith("tls://127.0.0.1:"))
    return found


def test_keys_are_for_their_owner_alone_and_are_never_written_over(secret: Path) -> None:
    assert {path.name for path in secret.iterdir()} == set(tls_keys.FILES)
    assert {path.stat().st_mode & 0o777 for path in secret.iterdir()} == {0o600}
    before = {path: path.read_bytes() for path in secret.iterdir()}
    with pytest.raises(FileExistsError):
        tls_keys.make(secret)
    assert {path: path.read_bytes() for path in secret.iterdir()} == before


@pytest.mark.slow
def test_who_has_the_keys_computes_and_leaves_no_trace_of_them(
    folder: Path, secret: Path, behind_tls: Path, address: str
) -> None:
    """By the file and, for more realizations, by the address; the bits are those of a cluster without TLS."""
    by_file = run(folder, "run", "sweep.toml", "--store", "a.zarr", "--cluster", str(behind_tls), *options(secret))
    assert by_file.returncode == 0, by_file.stderr
    (folder / "sweep.toml").write_text(SWEEP.replace("= 6", "= 9"))
    where = address_in(behind_tls)
    by_address = run(folder, "run", "sweep.toml", "--store", "a.zarr", "--cluster", where, *options(secret))
    assert by_address.returncode == 0, by_address.stderr
    again = run(folder, "run", "sweep.toml", "--store", "a.zarr")
    assert again.stdout == "everything is there: 18 of 18 realizations in a.zarr\n"
    plain = run(folder, "run", "sweep.toml", "--store", "b.zarr", "--cluster", address)
    assert plain.returncode == 0, plain.stderr
    assert contents(folder / "a.zarr") == contents(folder / "b.zarr")

    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    said = [text.encode() for each in (by_file, by_address) for text in (each.stdout, each.stderr)]
    assert len(written) > 20
    for name in tls_keys.FILES:
        middle = (secret / name).read_text().splitlines()[5].encode()
        assert not any(middle in text or b"-----BEGIN" in text for text in (*written, *said))
        assert not any(str(secret / name).encode() in text for text in (*written, *said))


@pytest.mark.slow
def test_nobody_else_does(folder: Path, secret: Path, behind_tls: Path) -> None:
    """Without keys or with some of them, with other ones, with a certificate that nobody vouches for, without TLS.

    All at the same time, since some have to wait until Dask gives up.
    """
    others = folder / "others"
    others.mkdir()
    tls_keys.make(others)
    tls = address_in(behind_tls)
    tcp, foreign = tls.replace("tls://", "tcp://"), [*options(others)]
    foreign[1] = str(secret / tls_keys.FILES[0])  # this side trusts the cluster, but not the other way round
    unreachable = "a Dask scheduler must be running at"
    refused = {
        (tls,): f"{tls} has TLS and needs keys: give --tls-ca-file, --tls-cert and --tls-key\n",
        (str(behind_tls),): f"{behind_tls} has TLS and needs keys: give --tls-ca-file, --tls-cert and --tls-key\n",
        (tls, *options(secret)[:2]): f"{tls} has TLS and needs keys: give --tls-ca-file, --tls-cert and --tls-key\n",
        (tcp, *options(secret)): f"keys need a scheduler with TLS, but {tcp} has none: start it with --protocol tls\n",
        (tls, *options(others)): f"{unreachable} {tls}, but it cannot be reached: ",
        (tls, *foreign): f"{unreachable} {tls}, but it cannot be reached: ",
        (tcp,): f"{unreachable} {tcp}, but it cannot be reached: ",
    }
    start = functools.partial(run, folder, "run", "sweep.toml", "--store", "a.zarr", "--cluster")
    with ThreadPoolExecutor(len(refused)) as pool:
        answers = pool.map(lambda arguments: start(*arguments), refused)
    for told, expected in zip(answers, refused.values(), strict=True):
        assert (told.returncode, told.stdout) == (2, ""), told
        assert told.stderr.startswith(f"ensemble: {expected}"), told
        assert told.stderr.count("\n") == 1, told
        assert "PRIVATE KEY" not in told.stderr
    assert not (folder / "a.zarr").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--tls-ca-file", "--tls-ca-file must be a file, but nothing.pem is none"),
        ("--tls-cert", "--tls-cert must be a file, but nothing.pem is none"),
        ("--tls-key", "--tls-key must be a file, but nothing.pem is none"),
    ],
)
def test_a_file_that_is_missing_is_told(option: str, said: str, folder: Path, secret: Path, behind_tls: Path) -> None:
    given = [*options(secret)]
    given[given.index(option) + 1] = "nothing.pem"
    told = run(folder, "run", "sweep.toml", "--cluster", address_in(behind_tls), *given)
    assert (told.returncode, told.stdout, told.stderr) == (2, "", f"ensemble: {said}\n")


def test_a_file_that_is_no_key_is_told(folder: Path, secret: Path, behind_tls: Path) -> None:
    (folder / "nonsense.pem").write_text("this is no key\n")
    given = [*options(secret)[:-1], "nonsense.pem"]
    told = run(folder, "run", "sweep.toml", "--cluster", address_in(behind_tls), *given)
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.count("\n") == 1
    assert told.stderr.startswith(
        "ensemble: TLS files must be a certificate and its key in PEM, but they cannot be used: "
    )
