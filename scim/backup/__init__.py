"""Backups of a directory: its rows as they are, in files that can be checked, and the way back.

    ports.py      what a backup is read from and written to
    lines.py      a row as a line, and how the rows of two are told to be the same
    manifest.py   what a backup holds, how it is checked
    parts.py      the files beside the manifest
    merging.py    its rounds as one; pairing.py: two orders of rows side by side
    places.py     where one may be kept
    taking.py     making one, beside traffic
    restoring.py  bringing one back into an empty place
    keeping.py    which directories are due, which backups are old: what the timer does

Rows, and not resources: ids, versions, memberships from both ends, claims, index rows, tombstones
and log come back as they were, kinds of rows that come later are backed up without a word here, and
what was written can be compared with what is there to the last byte.
"""
