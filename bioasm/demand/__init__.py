"""The demand of a run, estimated before it: steps, recordings, memory and time."""
