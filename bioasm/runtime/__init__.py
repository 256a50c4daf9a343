"""Between the gate and the back ends: random numbers, connectivity, energies, and the protocol that a back end implements."""
