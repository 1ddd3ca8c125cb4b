"""Pure statistics over NumPy arrays and counts: no warehouse, no clock, no frame. One file a subject.

Intervals that hold at one look stand in `intervals`, those that hold at every look in `sequential`; what
both are made of, estimates with the influence of each unit, in `influence`.
"""
