"""The commands of `sevenfold`, a file for each kind of work. `sevenfold/cli.py` joins them."""
