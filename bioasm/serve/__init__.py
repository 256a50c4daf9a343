"""The server of the driver `remote`: jobs and their events in SQLite, workers that outlive it, and HTTP in front."""
