"""Predictions beside the running service: learned and told on schedule, in engine time."""
