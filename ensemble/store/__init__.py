"""The store: one Zarr v3 group that plain `xr.open_zarr` opens as one labelled Dataset.

    layout    what arrays there are, and what a sweep must agree with to use them
    place     where a store is: a folder or object storage, and all in which the two differ
    folder    a folder that Zarr writes to and never makes anew
    remote    the verbs of a path, spoken to object storage
    group     the Zarr group on disk: finding it, opening it, committing its metadata
    build     how a store is created and grown
    chunk     the unit of landing: a worker writes one chunk of trajectories, and nobody else writes that chunk
    damage    reading with care: what is not as it was written is named
    digest    what binds every realization, coordinate and attribute to its place
    limits    how large a store may say that it is
    decompression  how large the file of a chunk may become
    shortage  limits of this process, told apart from damage
    ledger    the driver's book: which realizations are done or failed, and which code computed them
    points    what is known of each point as a whole: its cost, and how exact a target is
    lock      one driver at a time
    lock_file a file that the process which made it holds, until it ends
    lease     the same on object storage
    view      the store as an xarray Dataset, unfinished realizations masked

Only `status` decides what is done: never NaN, never the existence of a chunk. Data land first, their status second.
"""

from ensemble.store.chunk import Outcome, Slot, land
from ensemble.store.layout import Layout, Status
from ensemble.store.ledger import Ledger, Receipt
from ensemble.store.view import open_store

__all__ = ["Layout", "Ledger", "Outcome", "Receipt", "Slot", "Status", "land", "open_store"]
