/* Frames on the wire. */
#include "wire.h"

static const uint8_t NOTHING[32];

const uint8_t *take_bytes(reader *r, uint32_t count) {
    if (r->bad || (uint32_t)(r->end - r->at) < count) {
        r->bad = 1;
        return NOTHING;
    }
    r->at += count;
    return r->at - count;
}

uint64_t take_number(reader *r, int bytes) {
    const uint8_t *from = take_bytes(r, (uint32_t)bytes);
    uint64_t value = 0;
    for (int k = bytes; k-- > 0;) value = value << 8 | from[k];
    return value;
}

double take_f64(reader *r) {
    union { uint64_t bits; double number; } same = {take_number(r, 8)};
    return same.number;
}

int all_taken(const reader *r) { return !r->bad && r->at == r->end; }

/* Consistent overhead byte stuffing (Cheshire and Baker 1999), undone in place; the length, or -1. */
static int32_t unstuffed(uint8_t *data, uint32_t length) {
    uint32_t from = 0, to = 0;
    while (from < length) {
        const uint32_t code = data[from++];
        if (from + code - 1 > length) return -1;
        for (uint32_t k = 1; k < code; k++) data[to++] = data[from++];
        if (code < 255 && from < length) data[to++] = 0;
    }
    return (int32_t)to;
}

static int sound(decoder *d, frame *f) {
    if (d->length > LINK_LONGEST) return 0;
    const int32_t size = unstuffed(d->chunk, d->length);
    if (size < 8 || size > LINK_MAX_PAYLOAD + 8) return 0;
    if (crc32_of(0, d->chunk, (uint32_t)size - 4) != get_u32(d->chunk + size - 4)) return 0;
    f->type = d->chunk[0], f->session = d->chunk[1], f->seq = get_u16(d->chunk + 2);
    f->payload = d->chunk + 4, f->size = (uint16_t)(size - 8);
    return 1;
}

int decode_byte(decoder *d, uint8_t byte, frame *f) {
    if (byte) {
        if (d->length < LINK_LONGEST) d->chunk[d->length] = byte;
        if (d->length <= LINK_LONGEST) d->length += 1;
        return 0;
    }
    if (!d->length) return 0;
    const int fine = sound(d, f);
    d->length = 0;
    d->errors += !fine;
    return fine;
}

typedef struct {
    uint8_t *to;
    uint32_t at, code_at;
    uint8_t code;
} stuffing;

static void stuff(stuffing *s, const uint8_t *from, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) {
        if (from[k]) s->to[s->at++] = from[k], s->code++;
        if (!from[k] || s->code == 255) {
            s->to[s->code_at] = s->code;
            s->code_at = s->at++, s->code = 1;
        }
    }
}

uint32_t encode_frame(uint8_t *to, unsigned type, unsigned session, unsigned seq, const uint8_t *payload, uint32_t size) {
    const uint8_t head[4] = {(uint8_t)type, (uint8_t)session, (uint8_t)seq, (uint8_t)(seq >> 8)};
    const uint32_t crc = crc32_of(crc32_of(0, head, 4), payload, size);
    const uint8_t tail[4] = {(uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16), (uint8_t)(crc >> 24)};
    stuffing s = {to, 1, 0, 1};
    stuff(&s, head, 4), stuff(&s, payload, size), stuff(&s, tail, 4);
    to[s.code_at] = s.code;
    to[s.at++] = 0;
    return s.at;
}
