"""The warehouse: everything that happened and was decided, in tables that analyses ask; a projection of the
log.
"""
