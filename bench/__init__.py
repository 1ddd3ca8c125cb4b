"""Every performance figure of the project is one command here: `python -m bench NAME [--quick] [--json]`."""
