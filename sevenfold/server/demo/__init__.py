"""The demonstration: the real service, a simulated company that lives quickly, and a mailbox that reads its
mail.
"""

from .running import Demo, Seen, run_demo

__all__ = ["Demo", "Seen", "run_demo"]
