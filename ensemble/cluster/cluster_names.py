"""Check the name of a cluster and its options before the cluster is needed, even if nothing is left to compute."""

from pathlib import Path

from ensemble.cluster.profile import Profile
from ensemble.errors import ClusterError


def check_cluster(where: str, workers: int | None = None, *, dashboard: bool = False, insecure: bool = False) -> None:
    """Check the name of a cluster and its options.

    Parameters
    ----------
    where : str
        Name of the cluster.
    workers : int, optional
        Number of workers, only for "local".
    dashboard : bool, default False
        Whether a dashboard is asked for, only for clusters that are started here.
    insecure : bool, default False
        Whether TLS is turned off, only for "local".

    Raises
    ------
    ClusterError
        If there is no such cluster, or an option does not belong to it.

    Examples
    --------
    >>> from ensemble.cluster import check_cluster
    >>> check_cluster("local", workers=4)
    """
    if workers is not None and where != "local":
        raise ClusterError(f"--workers belongs to --cluster local, but the cluster is {where}; leave one out")
    if insecure and where != "local":
        raise ClusterError(f"insecure belongs to the cluster local, but the cluster is {where}; leave one out")
    profile = profile_of(where)
    if dashboard and profile is None and where != "local":
        raise ClusterError(f"dashboard belongs to a cluster that is started here, but {where} is running; leave it out")
    if dashboard:
        from ensemble.cluster.dashboard import check_dashboard

        check_dashboard()


def profile_of(where: str) -> Profile | None:
    """The profile of a cluster of SLURM jobs; None for this machine and for a running cluster."""
    if in_allocation(where):
        return Profile.find(where.partition(":")[2] or "slurm")
    if where == "slurm" or Path(where).suffix == ".toml":
        return Profile.find(where)
    if where == "local" or "://" in where or Path(where).is_file():
        return None
    raise ClusterError(
        "--cluster must be local, slurm, a profile.toml, an address such as tcp://host:8786, or a scheduler file, "
        f"got {where!r}"
    )


def in_allocation(where: str) -> bool:
    """Whether the name means the SLURM job that this process runs in."""
    return where.partition(":")[0] == "allocation"
