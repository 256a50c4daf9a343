/* A chip inside the process: `--words FILE` gets every word that writes a register, behind the count of all words so far. */
#include <stdlib.h>
#include <unistd.h>
#include "../core/port.h"
#include "known_chip.h"

extern int chip;

uint32_t port_transfer(uint32_t word) {
    static uint64_t count;
    const uint64_t row[2] = {++count, word};
    if (word >> 30 == WRITE && write(chip, row, sizeof row) != sizeof row) exit(4);
    return known_answer(word);
}
