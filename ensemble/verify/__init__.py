"""Verify and repair a store: read every chunk, recompute a sample of realizations, and mark damaged ones as todo.

    file_checks     find damaged files: metadata, coordinates, chunks
    digests         compare realizations with their recorded digests
    ledger_blocks   read the ledger block by block, and find what a damaged block has lost
    reading         read every chunk of every observable, in tasks
    sampling        choose which realizations are recomputed
    recompute       recompute these realizations, in tasks, and compare them with the store
    findings        combine the results: damaged files, lost realizations
    repair          set lost realizations to todo, so that a run computes them again
    verify          all of these steps in order
    replay          compute one realization in this process, for debugging

A realization depends only on its key: the seed, the values of the parameters that `draw` reads, and its index. So every
doubtful realization can be recomputed, and damaged data can be restored bit for bit.
"""

from ensemble.verify.repair import Repair
from ensemble.verify.replay import Replay
from ensemble.verify.verify import VerifyResult, verify

__all__ = ["Repair", "Replay", "VerifyResult", "verify"]
