/* Bytes: little endian numbers at any address, and what a C library would bring. */
#ifndef BIO_BYTES_H
#define BIO_BYTES_H
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);
size_t strlen(const char *text);

static inline uint16_t get_u16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }
static inline uint32_t get_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static inline uint64_t get_u64(const uint8_t *at) { return get_u32(at) | (uint64_t)get_u32(at + 4) << 32; }
static inline double get_f64(const uint8_t *at) {
    union { uint64_t bits; double number; } same = {get_u64(at)};
    return same.number;
}

static inline uint64_t bits_of(double number) {
    union { double number; uint64_t bits; } same = {number};
    return same.bits;
}
static inline int is_finite(double x) { return (bits_of(x) >> 52 & 2047) != 2047; }

/* A place to write to that never goes past its end; `full` says that something did not fit. */
typedef struct {
    uint8_t *at, *end;
    int full;
} writer;

void put_bytes(writer *w, const void *from, size_t count);
void put_u8(writer *w, unsigned value);
void put_u16(writer *w, unsigned value);
void put_u32(writer *w, uint32_t value);
void put_u64(writer *w, uint64_t value);
void put_f32(writer *w, float value);
void put_f64(writer *w, double value);
void put_text(writer *w, const char *text);  /* at most 255 bytes behind their number */
void put_words(writer *w, const char *text); /* the characters alone */
void put_decimal(writer *w, int64_t value);
void put_unsigned(writer *w, uint64_t value);

uint32_t crc32_of(uint32_t before, const uint8_t *data, size_t count);

typedef struct {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
} sha256;

void sha256_begin(sha256 *h);
void sha256_add(sha256 *h, const uint8_t *data, size_t count);
void sha256_end(sha256 *h, uint8_t digest[32]);

#endif
