"""What each process of the service does once it has started, so that nothing halts it later."""

from __future__ import annotations

import gc
import sys
from typing import Final

SWITCH_S: Final = 0.0005
"""After this long a thread gives way to another: a loop that answers is not to wait for one that stores, nor
a commit that has come back from the disk for a request that is being read. The interpreter's own 5 ms are
more than a commit takes, and a commit changes threads six times.
"""
_THRESHOLDS: Final = (10_000, 20, 50)


def settle() -> None:
    """What was made until now lives as long as the process: the garbage collector leaves it alone. A full
    collection that looks at all modules holds a process up for a tenth of a second and more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def give_way() -> None:
    """Threads of this process take turns quickly."""
    sys.setswitchinterval(SWITCH_S)
