"""Guided set-up: a sample of your events in; which stages your data covers, what is missing, and a workspace
that listens to your names out.

The parts, in the order they are used: ``sample`` (what your events look like), ``needs`` (what a workspace
listens to, and what for), ``matching`` (which of your events is which of its), ``coverage`` (what then works)
and ``writing`` (the workspace). The command ``sevenfold init`` is one user of them.
"""
