"""Substrates that a board runs a program on: its own processor (the twin), or the culture behind its electrodes."""
