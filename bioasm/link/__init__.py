"""The serial link BAL/1 between a host and a board: frames, windows, sessions, uploads, telemetry, clock."""
