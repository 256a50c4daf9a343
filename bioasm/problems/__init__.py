"""Problem files (graphs, QUBO, CNF, Ising couplings): how they are read and written as programs."""
