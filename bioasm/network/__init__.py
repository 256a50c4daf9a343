"""What a program builds: populations, mechanisms on them, projections between them, and the references that name them."""
