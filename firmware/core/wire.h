/* Frames on the wire: type, session, number, payload and CRC-32 in COBS, and a decoder that survives anything. */
#ifndef BIO_WIRE_H
#define BIO_WIRE_H
#include "tables.h"
#include "bytes.h"

typedef struct {
    uint8_t type, session;
    uint16_t seq, size;
    const uint8_t *payload;
} frame;

typedef struct {
    uint8_t chunk[LINK_LONGEST];
    uint32_t length, errors;
} decoder;

/* Take one byte; true where it ended a sound frame, whose payload lies in the decoder until the next byte. */
int decode_byte(decoder *d, uint8_t byte, frame *f);

/* The frame on the wire with its delimiter; how many bytes. `to` has room for LINK_LONGEST + 1. */
uint32_t encode_frame(uint8_t *to, unsigned type, unsigned session, unsigned seq, const uint8_t *payload, uint32_t size);

static inline uint32_t wire_bytes(uint32_t payload) { return payload + 8 + (payload + 8) / 254 + 2; }

/* A place to read from that never goes past its end; `bad` says that something was missing. */
typedef struct {
    const uint8_t *at, *end;
    int bad;
} reader;

const uint8_t *take_bytes(reader *r, uint32_t count);
uint64_t take_number(reader *r, int bytes);
double take_f64(reader *r);
int all_taken(const reader *r);

#endif
