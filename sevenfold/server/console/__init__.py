"""What the console needs beside the API's own objects: figures of the home page, notes and judgements of
people, approvals, long work, drafts of files.
"""
