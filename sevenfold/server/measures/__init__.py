"""Analyses over HTTP, and the process that holds the warehouse and answers them."""
