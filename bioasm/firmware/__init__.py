"""C sources of the firmware from Python's tables: headers of instructions, messages, limits and safety, and models as C."""
