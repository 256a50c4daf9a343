"""Tests of the problem readers, the generator of graphs and the programs that are written."""
