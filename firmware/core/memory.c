/* The memory of a run. */
#include "memory.h"
#include "serve.h"

#define CLEARED 4096 /* bytes between two looks at what else goes on */

void *take_low(memory *m, uint32_t bytes) {
    bytes = (bytes + 7) & ~UINT32_C(7);
    if (bytes > (size_t)(m->high - m->low)) return 0;
    uint8_t *at = m->low;
    for (; bytes > CLEARED; bytes -= CLEARED, m->low += CLEARED) {
        memset(m->low, 0, CLEARED);
        serve(CLEARED / 64);
    }
    memset(m->low, 0, bytes);
    m->low += bytes;
    return at;
}

static piece *new_piece(memory *m) {
    if ((size_t)(m->high - m->low) < sizeof(piece)) return 0;
    m->high -= sizeof(piece);
    piece *made = (piece *)(void *)m->high;
    made->next = 0, made->used = 0;
    return made;
}

int stream_add(memory *m, stream *s, const void *from, uint32_t count) {
    const uint8_t *at = from;
    while (count) {
        if (!s->last || s->last->used == sizeof s->last->data) {
            piece *made = new_piece(m);
            if (!made) return 0;
            if (s->last) s->last->next = made;
            else s->first = made;
            s->last = made;
        }
        const uint32_t room = sizeof s->last->data - s->last->used, some = count < room ? count : room;
        memcpy(s->last->data + s->last->used, at, some);
        s->last->used += some, s->bytes += some;
        at += some, count -= some;
    }
    return 1;
}

void stream_read(stream *s, uint32_t at, void *to, uint32_t count) {
    uint8_t *out = to;
    if (!s->seen || at < s->seen_at) s->seen = s->first, s->seen_at = 0;
    while (s->seen && at - s->seen_at >= sizeof s->seen->data) s->seen_at += sizeof s->seen->data, s->seen = s->seen->next;
    const piece *p = s->seen;
    at -= s->seen_at;
    while (count && p) {
        const uint32_t room = sizeof p->data - at, some = count < room ? count : room;
        memcpy(out, p->data + at, some);
        out += some, count -= some, at = 0, p = p->next;
    }
}
