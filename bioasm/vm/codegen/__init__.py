"""From model texts to the Python source of one compiled step: what is computed when, and how often."""
