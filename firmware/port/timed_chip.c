/* A chip inside the image, for measures of time in QEMU: a word takes 2 us, and every word that turns currents on or off goes
   out on UART 1, behind the microseconds since the start and those since the host's last sign of life. */
#include "../core/link.h"
#include "../core/port.h"
#include "timed_chip.h"

enum { WORD_US = 2, ON = 42, WRITE = 2, READ = 3 };

static uint32_t answer_to(uint32_t word) {
    const uint32_t reg = word >> 16 & 255;
    if (word >> 30 != READ) return 0;
    return reg == 251 ? 0x494E : reg == 252 ? 0x5441 : reg == 253 ? 0x4E00 : reg == 255 ? 32 : 0;
}

static void tell(uint64_t now, uint32_t word) {
    const uint64_t numbers[3] = {now, now - LINK.heard, word};
    for (unsigned k = 0; k < sizeof numbers; k++) timed_byte((uint8_t)(numbers[k / 8] >> k % 8 * 8));
}

uint32_t port_transfer(uint32_t word) {
    static uint32_t coming[2];
    static uint64_t free_from;
    uint64_t now = port_microseconds();
    while (now < free_from) now = port_microseconds();
    free_from = now + WORD_US;
    if (word >> 30 == WRITE && (word >> 16 & 255) == ON) tell(now, word);
    const uint32_t answer = coming[0];
    coming[0] = coming[1], coming[1] = answer_to(word);
    return answer;
}
