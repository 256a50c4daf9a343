"""The texts of the models and mechanisms that ship, one file each."""
