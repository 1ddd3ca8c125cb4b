"""Importers: rows of files become Segment events in order of time, by a mapping file that says how."""
