"""The driver `intan`: programs on a board with an Intan chip behind a serial link, or on an emulated one."""
