"""Where they stand: lifecycle stages, scores and health, and accounts. Pure."""
