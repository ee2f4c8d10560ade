"""`python -m workers` is the `talentstream` command."""

from workers.cli import app

app()
