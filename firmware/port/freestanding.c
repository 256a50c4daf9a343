/* What the compiler may call, and bytes.h names, where there is no C library. */
#include "../core/bytes.h"

/* The C library's square root, where the processor has none for float64, tells of errors here. */
int *__errno(void);
int *__errno(void) {
    static int last;
    return &last;
}

void *memcpy(void *to, const void *from, size_t count) {
    uint8_t *t = to;
    const uint8_t *f = from;
    for (; ((uintptr_t)t & 3) == 0 && ((uintptr_t)f & 3) == 0 && count >= 4; t += 4, f += 4, count -= 4) {
        uint32_t word;
        __builtin_memcpy(&word, __builtin_assume_aligned(f, 4), 4);
        __builtin_memcpy(__builtin_assume_aligned(t, 4), &word, 4);
    }
    while (count--) *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f) return memcpy(to, from, count);
    while (count--) t[count] = f[count];
    return to;
}

void *memset(void *to, int value, size_t count) {
    uint8_t *t = to;
    while (count--) *t++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t count) {
    const uint8_t *x = a, *y = b;
    for (; count--; x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}

size_t strlen(const char *text) {
    size_t size = 0;
    while (text[size]) size++;
    return size;
}
