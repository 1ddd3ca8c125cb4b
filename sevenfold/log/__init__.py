"""The log: one ordered, durable list of all that happened. `base` is the protocol, the rest keep it."""
