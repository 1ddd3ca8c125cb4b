"""Who: identity, typed columns, signals, conditions, segments and the expiry wheel. Pure."""
