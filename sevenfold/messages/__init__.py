"""What to say and whether: templates, consent, gates, and the life of a message."""
