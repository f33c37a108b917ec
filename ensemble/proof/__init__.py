"""Whether a store is what its keys make it: every chunk read, realizations computed again, and what is wrong mended.

    damage        files that are not as they were written: metadata, coordinates, chunks
    digests       whether realizations match the digests that were recorded
    book          `status` and its like, block by block; what a block has lost
    reading       every chunk of every observable, read as tasks
    choice        which realizations are computed again
    recomputing   those realizations, as tasks that compare them with the store
    findings      what was found put together: damaged files, lost realizations
    repair        what is lost becomes todo, so that a run computes it again
    verify        all of that in order
    replay        one realization in this process, to be looked at

A realization is made by its key alone: the seed, the values of the parameters that its draw reads, its index. So
whatever is in doubt can be computed again, and what is damaged comes back bit for bit.
"""

from ensemble.proof.repair import Repair
from ensemble.proof.replay import Replay
from ensemble.proof.verify import Verdict, verify

__all__ = ["Repair", "Replay", "Verdict", "verify"]
