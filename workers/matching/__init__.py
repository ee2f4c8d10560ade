"""The matcher: of each posting its best CVs, of each CV its best postings, kept true while both sides change."""
