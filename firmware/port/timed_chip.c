/* A chip inside the image, for measures of time in QEMU: a word takes 2 us, and every word that turns currents on or off goes
   out on UART 1, behind the microseconds since the start and those since the host's last sign of life. */
#include "../core/link.h"
#include "../core/port.h"
#include "known_chip.h"
#include "timed_chip.h"

enum { WORD_US = 2, ON = 42 };

static void tell(uint64_t now, uint32_t word) {
    const uint64_t numbers[3] = {now, now - LINK.heard, word};
    for (unsigned k = 0; k < sizeof numbers; k++) timed_byte((uint8_t)(numbers[k / 8] >> k % 8 * 8));
}

uint32_t port_transfer(uint32_t word) {
    static uint64_t free_from;
    uint64_t now = port_microseconds();
    while (now < free_from) now = port_microseconds();
    free_from = now + WORD_US;
    if (word >> 30 == WRITE && register_of(word) == ON) tell(now, word);
    return known_answer(word);
}
