"""What analyses of events share: which events are meant, which time, in which order people did them."""
