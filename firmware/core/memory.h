/* The memory of a run: one piece, from both ends. Arrays of the run are taken from below, what it puts out from above. */
#ifndef BIO_MEMORY_H
#define BIO_MEMORY_H
#include "bytes.h"

typedef struct {
    uint8_t *low, *high;
} memory;

void *take_low(memory *m, uint32_t bytes); /* zeros, at a multiple of 8; 0 where there is no room */

/* Bytes that grow at their end, in pieces of one size. */
typedef struct piece {
    struct piece *next;
    uint32_t used;
    uint8_t data[1020 - sizeof(void *)];
} piece;

typedef struct {
    piece *first, *last, *seen; /* `seen` was read last, */
    uint32_t bytes, seen_at;    /* and begins here */
} stream;

int stream_add(memory *m, stream *s, const void *from, uint32_t count); /* false where there is no room */
void stream_read(stream *s, uint32_t at, void *to, uint32_t count);

#endif
