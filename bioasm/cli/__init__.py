"""The command line: one file a subcommand, with input and output shared in `common`."""
