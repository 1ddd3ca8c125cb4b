"""Configuration as code: the typed objects of a workspace, how they are loaded, checked and compared."""
