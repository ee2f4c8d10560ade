"""The same work three ways, for `talentstream bench delivery`: copy a topic's events to another, exactly once.

Each module is a program of its own: `python -m workers.baselines.MODULE SOURCE TARGET LEDGER NAME`; the broker, the
batch size and the group's prefix come from the environment.
"""
