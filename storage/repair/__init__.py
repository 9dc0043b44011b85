"""Finding and healing what is wrong with rows: `scim.repairing.Repairs` on Table Storage.

The store in memory has none: its rows are Python objects that end with their process.
"""
