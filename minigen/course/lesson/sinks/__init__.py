"""Where a lesson's events go: terminal, log, notebook, record, picture files and the summary in metrics.json."""
