"""Platforms: what each is given by `minigen assignment build`, and what runs there (score, remote)."""
