"""What happened: events are decoded, bounded, put on our clock, and accepted or dropped with a reason."""
