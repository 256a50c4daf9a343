"""The serial link BAL/2 between a host and a board: frames, windows, sessions, uploads, telemetry, clock."""
