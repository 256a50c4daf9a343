/* Writers, CRC-32 and SHA-256 (FIPS 180-4). */
#include "bytes.h"

void put_bytes(writer *w, const void *from, size_t count) {
    if (w->full || (size_t)(w->end - w->at) < count) {
        w->full = 1;
        return;
    }
    memcpy(w->at, from, count);
    w->at += count;
}

void put_u8(writer *w, unsigned value) {
    const uint8_t byte = (uint8_t)value;
    put_bytes(w, &byte, 1);
}

void put_u16(writer *w, unsigned value) {
    put_u8(w, value & 255);
    put_u8(w, value >> 8 & 255);
}

void put_u32(writer *w, uint32_t value) {
    put_u16(w, value & 0xffff);
    put_u16(w, value >> 16);
}

void put_u64(writer *w, uint64_t value) {
    put_u32(w, (uint32_t)value);
    put_u32(w, (uint32_t)(value >> 32));
}

void put_f32(writer *w, float value) {
    union { float number; uint32_t bits; } same = {value};
    put_u32(w, same.bits);
}

void put_f64(writer *w, double value) { put_u64(w, bits_of(value)); }

void put_words(writer *w, const char *text) { put_bytes(w, text, strlen(text)); }

void put_text(writer *w, const char *text) {
    size_t size = strlen(text);
    size = size < 255 ? size : 255;
    put_u8(w, (unsigned)size);
    put_bytes(w, text, size);
}

void put_unsigned(writer *w, uint64_t value) {
    char digits[20];
    int at = 20;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put_bytes(w, digits + at, (size_t)(20 - at));
}

void put_decimal(writer *w, int64_t value) {
    if (value < 0) put_u8(w, '-');
    put_unsigned(w, value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value);
}

/* The reflected polynomial 0xEDB88320, four bits at a time: a table of 64 bytes in place of 1 KB. */
uint32_t crc32_of(uint32_t before, const uint8_t *data, size_t count) {
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = ~before;
    for (size_t k = 0; k < count; k++) {
        crc = table[(crc ^ data[k]) & 15] ^ crc >> 4;
        crc = table[(crc ^ (uint32_t)(data[k] >> 4)) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t turned(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void sha256_block(sha256 *h, const uint8_t *block) {
    uint32_t w[64], s[8];
    for (int k = 0; k < 16; k++)
        w[k] = (uint32_t)block[4 * k] << 24 | (uint32_t)block[4 * k + 1] << 16 | (uint32_t)block[4 * k + 2] << 8 | block[4 * k + 3];
    for (int k = 16; k < 64; k++) {
        const uint32_t a = w[k - 15], b = w[k - 2];
        w[k] = w[k - 16] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + w[k - 7] + (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
    }
    memcpy(s, h->state, sizeof s);
    for (int k = 0; k < 64; k++) { /* the eight words turn by one place a round; S tells where each stands */
#define S(at) s[((at) - k) & 7]
        const uint32_t big = turned(S(4), 6) ^ turned(S(4), 11) ^ turned(S(4), 25);
        const uint32_t first = S(7) + big + ((S(4) & S(5)) ^ (~S(4) & S(6))) + ROUND[k] + w[k];
        const uint32_t other = turned(S(0), 2) ^ turned(S(0), 13) ^ turned(S(0), 22);
        const uint32_t second = other + ((S(0) & S(1)) ^ (S(0) & S(2)) ^ (S(1) & S(2)));
        S(3) += first;
        S(7) = first + second;
#undef S
    }
    for (int k = 0; k < 8; k++) h->state[k] += s[k];
}

void sha256_begin(sha256 *h) {
    static const uint32_t start[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(h->state, start, sizeof start);
    h->length = 0;
}

void sha256_add(sha256 *h, const uint8_t *data, size_t count) {
    while (count) {
        const size_t at = h->length % 64, room = 64 - at, some = count < room ? count : room;
        memcpy(h->block + at, data, some);
        h->length += some;
        data += some;
        count -= some;
        if (at + some == 64) sha256_block(h, h->block);
    }
}

void sha256_end(sha256 *h, uint8_t digest[32]) {
    const uint64_t bits = h->length * 8;
    const uint8_t one = 0x80, zero = 0;
    sha256_add(h, &one, 1);
    while (h->length % 64 != 56) sha256_add(h, &zero, 1);
    uint8_t size[8];
    for (int k = 0; k < 8; k++) size[k] = (uint8_t)(bits >> (56 - 8 * k));
    sha256_add(h, size, 8);
    for (int k = 0; k < 32; k++) digest[k] = (uint8_t)(h->state[k / 4] >> (24 - 8 * (k % 4)));
}
