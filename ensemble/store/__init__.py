"""The store: one Zarr v3 group that plain `xr.open_zarr` opens as one labelled Dataset.

layout            arrays and attributes of a store; checks that a sweep matches an existing store
creation          create a store, and grow it when a sweep needs more points or realizations
group             open the Zarr group, read and check its attributes, commit its metadata
chunk             write one chunk of trajectories; only one worker writes a chunk
dataset           open the store as an xarray Dataset, with unfinished realizations masked
ledger            bookkeeping by the driver: status, code version, attempts and time of each realization
point_summary     cost and stop-rule result of each point
code_versions     list the code versions that computed the realizations of a store
provenance        code, libraries and machine of the current process
select            parse points and axis values from the command line
digest            digests that detect moved or exchanged data
integrity         read arrays; errors name the damaged file
decompression     limit on the decompressed size of a chunk
size_limits       limits on the size of a store, checked before memory is allocated
resource_limits   tell limits of the process (open files, memory, threads) from damage
location          path or URL of a store, and what differs between a folder and object storage
local_folder      a local folder as a Zarr store
object_storage    a location on S3 object storage, with methods like those of `Path`
lock              one driver at a time
lock_file         lock file on a local file system
object_lock       lock on object storage: a lease that is renewed

Only `status` decides whether a realization is done, and neither a NaN nor the existence of a chunk. A worker writes the
data before the driver writes their status.
"""

from ensemble.store.chunk import ChunkRegion, Outcome, write_chunk
from ensemble.store.dataset import open_store
from ensemble.store.layout import Layout, Status
from ensemble.store.ledger import Ledger, Receipt

__all__ = ["ChunkRegion", "Layout", "Ledger", "Outcome", "Receipt", "Status", "open_store", "write_chunk"]
