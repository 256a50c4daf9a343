"""Tests of the driver intan."""
