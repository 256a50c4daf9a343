/* A watchdog inside an image, for measures of time in QEMU: whenever the time between two restarts of it is the longest so far,
   microseconds since the start and that time go out on UART 1. */
#include "../core/port.h"
#include "timed_chip.h"

void port_watchdog(void) {
    static uint64_t before, longest;
    const uint64_t now = port_microseconds(), numbers[2] = {now, now - before};
    if (before && numbers[1] > longest) {
        longest = numbers[1];
        for (unsigned k = 0; k < sizeof numbers; k++) timed_byte((uint8_t)(numbers[k / 8] >> k % 8 * 8));
    }
    before = port_microseconds();
}
