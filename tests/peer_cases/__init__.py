"""Acceptance cases from other products' test suites, run through the real fold.

A case holds definitions (properties, segments, subscription groups, journeys) and steps (events, the passing
of time, assertions). They become a workspace and records; nothing looks at the id of a case. In order:

    differences   where the products differ on purpose, one row a kind, with the reason
    paths         a path of theirs -> where it leads
    operators     their operators -> conditions in our language
    definitions   their segments and properties -> a Workspace, and how to read the answers
    records       their events -> Segment events
    world         a fold and the history it is folded from; folded again when the definitions change
    play          steps and assertions -> pass, fail or skip
    functions     single functions: keyed counts, send-time values, subscription files
    waits         single functions: delays, answered by the timers of a fold

`python -m tests.peer_cases FILE [FILE ...]` prints one line a case.
"""
