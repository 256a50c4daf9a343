/* A chip that is no more than its answers: the ROM of an RHS2116, and zeros, two words after they were asked for. */
#ifndef BIO_KNOWN_CHIP_H
#define BIO_KNOWN_CHIP_H
#include <stdint.h>

enum { WRITE = 2, READ = 3 };

static inline unsigned register_of(uint32_t word) { return word >> 16 & 255; }

static inline uint32_t answer_to(uint32_t word) {
    const unsigned reg = register_of(word);
    if (word >> 30 != READ) return 0;
    return reg == 251 ? 0x494E : reg == 252 ? 0x5441 : reg == 253 ? 0x4E00 : reg == 255 ? 32 : 0;
}

static inline uint32_t known_answer(uint32_t word) {
    static uint32_t coming[2];
    const uint32_t answer = coming[0];
    coming[0] = coming[1], coming[1] = answer_to(word);
    return answer;
}

#endif
