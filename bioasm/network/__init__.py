"""The network of a program: populations, mechanisms on them, projections between them, and the references that name them."""
