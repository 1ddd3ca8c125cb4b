"""Doing better with every outcome: what a policy would have brought, who changes because of a message, what
is likely to happen. Pure: models come in as numbers, and every figure carries its interval and its doubts.
"""
