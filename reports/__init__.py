"""Records -> files: tables, the dashboard and summaries, all of them pure functions of records."""
