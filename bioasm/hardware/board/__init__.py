"""The emulated board: chips, a culture behind their electrodes, and the firmware that runs programs on them."""
