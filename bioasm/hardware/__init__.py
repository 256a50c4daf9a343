"""Hardware: chips at the level of SPI words, the serial link, the emulated board, and recordings in the vendors' formats."""
