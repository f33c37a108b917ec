"""What lies in deploy/: profiles that are read, manifests that fit their schema and work, an image's sources."""

import contextlib
import copy
import http.client
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import ensemble
from ensemble.cluster import job_scripts
from ensemble.cluster.profile import Profile
from tests.support import SUPPORT
from tests.support.command import BIN, run
from tests.support.contents import contents
from tests.support.documents import README
from tests.support.processes import read_output, start
from tests.support.slurm import free_ports

DEPLOY = README.parent / "deploy"
PAGE = (DEPLOY / "README.md").read_text()
PROFILES = sorted(DEPLOY.glob("slurm/*.toml"))
CONTAINERFILE = (DEPLOY / "container" / "Containerfile").read_text()
PROJECT = tomllib.loads((README.parent / "pyproject.toml").read_text())
SCHEMA = SUPPORT / "data" / "daskcluster.schema.json"
"""What the operator's custom resource may hold, and with it every pod."""

THREADS = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
SWEEP = 'model = "toy_model.py:ToyModel"\nrealizations = 4\nseed = 1\naxes.size = [2, 3]\nstore.chunk = 2\n'


def manifest(name: str) -> dict[str, Any]:
    """The one document of a manifest."""
    return dict(yaml.safe_load((DEPLOY / "kubernetes" / f"{name}.yaml").read_text()))


CLUSTER = manifest("cluster")
RUN = manifest("run")
PODS = {
    "scheduler": CLUSTER["spec"]["scheduler"]["spec"],
    "worker": CLUSTER["spec"]["worker"]["spec"],
    "driver": RUN["spec"]["template"]["spec"],
}


def strict(schema: Any) -> Any:
    """The same schema without room for what it does not name: Kubernetes drops that in silence."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(each) for name, each in schema.items()}
    return {"additionalProperties": False, **closed} if isinstance(schema.get("properties"), dict) else closed


def check(document: Mapping[str, Any], part: str = "") -> None:
    """Hold a document against the schema of a cluster, or of a part of it."""
    schema = strict(json.loads(SCHEMA.read_text()))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, {"$ref": part, "$defs": schema["$defs"]} if part else schema)


def container(pod: Mapping[str, Any]) -> dict[str, Any]:
    (found,) = pod["containers"]
    return dict(found)


def environment(pod: Mapping[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(pod).get("env", [])}


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_a_profile_is_read_and_makes_scripts_that_a_shell_reads(path: Path, tmp_path: Path) -> None:
    profile = Profile.read(path)
    job = job_scripts.worker_job(profile, "name", tmp_path, "tls://10.0.0.1:8786")
    whole = job_scripts.driver_job(profile, "name", tmp_path, ["sweep.toml"], chained=True)
    for script in (job, whole):
        read_output(["bash", "-n"], given=script)
    assert f"#SBATCH --time={profile.minutes}\n" in job


def test_the_template_shows_every_key_in_a_line_of_its_own_that_says_what_it_is() -> None:
    text = (DEPLOY / "slurm" / "slurm.toml").read_text()
    lines = re.findall(r"^(?:# )?(\w+) = (.*?)  # (.+)$", text, flags=re.MULTILINE)
    assert {name for name, _, _ in lines} == {field.name for field in fields(Profile)}
    assert Profile.from_table(tomllib.loads("\n".join(f"{name} = {value}" for name, value, _ in lines)))


def test_the_cluster_fits_the_schema_of_the_operator() -> None:
    assert (CLUSTER["apiVersion"], CLUSTER["kind"]) == ("kubernetes.dask.org/v1", "DaskCluster")
    check({"spec": CLUSTER["spec"]})
    check(PODS["driver"], "#/$defs/pod")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["worker", "replicas"], "eight"),
        (["worker", "replica"], 8),
        (["worker", "spec", "containers", 0, "volumeMount"], []),
        (["worker", "spec", "containers", 0, "args"], "dask worker"),
        (["scheduler", "spec", "volumes", 0, "secret", "defaultMode"], "0440"),
        (["scheduler", "service", "ports", 0, "port"], None),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_manifest_with_a_slip_does_not_fit(path: list[str | int], value: Any) -> None:
    wrong = copy.deepcopy(CLUSTER["spec"])
    *above, last = path
    inside: Any = wrong
    for name in above:
        inside = inside[name]
    inside[last] = value
    with pytest.raises(jsonschema.ValidationError):
        check({"spec": wrong})


def test_the_parts_of_the_cluster_find_each_other() -> None:
    name = CLUSTER["metadata"]["name"]
    service = CLUSTER["spec"]["scheduler"]["service"]
    assert service["selector"] == {"dask.org/cluster-name": name, "dask.org/component": "scheduler"}
    listening = {each["name"]: each["containerPort"] for each in container(PODS["scheduler"])["ports"]}
    assert listening == {"tcp-comm": 8786, "http-dashboard": 8787}, "names by which the operator finds them"
    assert {each["name"]: each["port"] for each in service["ports"]} == listening
    assert {each["targetPort"] for each in service["ports"]} == set(listening)
    address = f"tls://{name}-scheduler:{listening['tcp-comm']}"
    assert address in container(PODS["worker"])["args"]
    assert f"--cluster={address}" in container(PODS["driver"])["args"]
    assert len({container(pod)["image"] for pod in PODS.values()}) == 1

    store = manifest("store")
    assert store["spec"]["accessModes"] == ["ReadWriteMany"]
    for role in ("worker", "driver"):
        volumes = {each["name"]: each for each in PODS[role]["volumes"]}
        mounted = {each["mountPath"]: volumes[each["name"]] for each in container(PODS[role])["volumeMounts"]}
        assert mounted["/store"]["persistentVolumeClaim"]["claimName"] == store["metadata"]["name"]


@pytest.mark.parametrize("role", PODS)
def test_a_pod_is_nobody_and_its_keys_are_its_own(role: str) -> None:
    pod, inside = PODS[role], container(PODS[role])
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 1000
    assert not pod["automountServiceAccountToken"]
    assert not inside["securityContext"]["allowPrivilegeEscalation"]
    assert inside["securityContext"]["readOnlyRootFilesystem"]
    (keys,) = (each["secret"] for each in pod["volumes"] if each["name"] == "keys")
    assert keys["secretName"] in PAGE
    assert keys["defaultMode"] == 0o440, "the group is that of fsGroup, and nobody else may read them"
    mounts = {each["mountPath"]: each for each in inside["volumeMounts"]}
    assert mounts["/keys"]["readOnly"]
    written = [value for value in environment(pod).values() if value.startswith("/")]
    assert written
    assert all(value.startswith("/scratch") for value in written)


def test_a_worker_is_one_thread() -> None:
    assert THREADS.items() <= environment(PODS["worker"]).items()
    assert {"--nworkers=1", "--nthreads=1"} <= set(container(PODS["worker"])["args"])
    assert container(PODS["worker"])["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}


def shell_lines(starting: str) -> list[str]:
    """Lines of the page that are to be typed, from the first that starts so to the end of its block."""
    (block,) = (each for each in re.findall(r"```console\n(.*?)```", PAGE, flags=re.DOTALL) if f"$ {starting}" in each)
    lines = block.replace("\\\n", "").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def started(
    role: str, swapped: Mapping[str, str], *more: str
) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    """The process of a pod, with paths, names and ports of this machine."""
    program, *arguments = here(role, swapped)
    command = [str(BIN / program), *arguments, *more]
    env = {**os.environ, **{name: swap(value, swapped) for name, value in environment(PODS[role]).items()}}
    return start(command, "/", env=env, stderr=subprocess.DEVNULL)


def here(role: str, swapped: Mapping[str, str]) -> list[str]:
    """The command of a pod, on this machine."""
    return [swap(each, swapped) for each in container(PODS[role])["args"]]


def swap(text: str, swapped: Mapping[str, str]) -> str:
    for theirs, ours in swapped.items():
        text = text.replace(theirs, ours)
    return text


def answer(port: int, path: str) -> int:
    """The status of what a port of this machine answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


@pytest.mark.slow
def test_the_commands_of_the_cluster_run_a_sweep_with_the_keys_of_the_page(tmp_path: Path, address: str) -> None:
    """The processes of all three pods, on this machine; keys as the page has them made."""
    for line in shell_lines("openssl"):
        if line.startswith(("umask", "mkdir", "openssl")):
            read_output(["bash", "-c", f"umask 077; {line}"], tmp_path)
    keys = tmp_path / "keys"
    assert {path.name: path.stat().st_mode & 0o777 for path in keys.iterdir()} == {"cert.pem": 0o600, "key.pem": 0o600}
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (tmp_path / "sweep.toml").write_text(SWEEP)
    (tmp_path / "toy_model.py").write_text((SUPPORT / "toy_model.py").read_text())
    port, other = free_ports(2)
    swapped = {
        "ensemble-scheduler": "127.0.0.1",
        "8786": str(port),
        ":8787": f"127.0.0.1:{other}",
        **{f"/{name}/": f"{tmp_path}/" for name in ("store", "sweep")},
        "/keys": str(keys),
        "/scratch": str(scratch),
        "$(DASK_WORKER_NAME)": "ensemble-default-worker-1",
    }
    with started("scheduler", swapped, "--host=127.0.0.1"), started("worker", swapped, "--host=127.0.0.1"):
        program, *arguments = here("driver", swapped)
        assert program == "ensemble"
        told = run(tmp_path, *arguments)
        assert answer(other, container(PODS["scheduler"])["readinessProbe"]["httpGet"]["path"]) == 200
        assert answer(other, "/info/main/workers.html") == answer(other, "/json/counts.json") == 404
    assert told.returncode == 0, told.stderr
    plain = run(tmp_path, "run", "sweep.toml", "--store", "b.zarr", "--cluster", address)
    assert plain.returncode == 0, plain.stderr
    assert contents(tmp_path / "sweep.zarr") == contents(tmp_path / "b.zarr")


def instructions(name: str) -> list[list[str]]:
    """The words of every instruction of a kind in the Containerfile."""
    joined = CONTAINERFILE.replace("\\\n", " ")
    return [shlex.split(words) for words in re.findall(rf"^{name} (.*)$", joined, flags=re.MULTILINE)]


def test_the_image_is_made_of_what_is_there_and_of_all_that_the_package_needs() -> None:
    copied = {source: target for *sources, target in instructions("COPY") for source in sources}
    assert all((README.parent / source).exists() for source in copied)
    project, wheel = PROJECT["project"], PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {"pyproject.toml", project["readme"], *project["license-files"], *wheel["packages"]} == set(copied)
    (folder,) = {copied[name] for name in ("pyproject.toml", project["readme"], *project["license-files"])}
    assert all(copied[package] == f"{folder}{package}" for package in wheel["packages"])
    (installed,) = (words for words in instructions("RUN") if "pip" in words)
    asked = installed[installed.index("--no-cache-dir") + 1]
    path, _, extras = asked.removesuffix("]").partition("[")
    assert f"{path}/" == folder
    assert set(filter(None, extras.split(","))) <= set(project["optional-dependencies"])


def test_the_image_has_a_python_that_the_package_takes_and_is_nobody() -> None:
    (argument,) = (word.partition("=")[2] for words in instructions("ARG") for word in words)
    least = tuple(map(int, PROJECT["project"]["requires-python"].removeprefix(">=").partition(",")[0].split(".")))
    assert tuple(map(int, argument.split("."))) >= least
    assert instructions("USER") == [["1000:1000"]]
    told = dict(word.split("=", 1) for words in instructions("ENV") for word in words)
    assert THREADS.items() <= told.items()
    (command,) = (json.loads(" ".join(line.split()[1:])) for line in CONTAINERFILE.splitlines() if line[:4] == "CMD ")
    assert command[0] in PROJECT["project"]["scripts"]


def test_the_version_of_the_image_is_that_of_the_package() -> None:
    tag = container(PODS["worker"])["image"].rpartition(":")[2]
    assert tag == ensemble.__version__ == importlib.metadata.version("ensemble")


def test_the_page_ends_with_how_far_it_scales_and_names_every_file() -> None:
    assert re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE)[-1] == "How far it scales"
    for path in DEPLOY.glob("*/*"):
        assert f"({path.relative_to(DEPLOY)})" in PAGE, path
