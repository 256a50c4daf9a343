"""What a run of a program will need, found before it: steps, recordings, memory and time."""
