"""The running service: events in over HTTP, the fold beside it, messages out, and everything that looks at
them.
"""
