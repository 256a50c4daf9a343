/* Reliable delivery, as `bioasm/hardware/link/window.py` has it. */
#include "window.h"

/* --- to the host ---------------------------------------------------------------------------------- */

void sender_begin(sender *s) {
    const uint32_t rate = s->rate;
    memset(s, 0, sizeof *s);
    s->rate = rate, s->credit = 1 << 14;
}

static sent_frame *item(sender *s, uint32_t k) { return s->queue + (s->first + k) % QUEUE; }

uint8_t *sender_queue(sender *s, unsigned type) {
    if (s->count == QUEUE) return 0;
    sent_frame *f = item(s, s->count++);
    f->type = (uint8_t)type, f->sends = f->held = f->again = 0, f->size = 0;
    return f->payload;
}

void sender_size(sender *s, uint32_t size) { item(s, s->count - 1)->size = (uint16_t)size; }

static uint32_t line_time(const sender *s, uint32_t bytes) { return s->rate ? (uint32_t)((uint64_t)bytes * 1000000 / s->rate) : 0; }

static uint32_t timeout(const sender *s) {
    if (!s->measured) return LINK_FIRST_TIMEOUT_US;
    const int32_t usual = s->smoothed + 4 * s->deviation;
    return usual > LINK_SHORTEST_TIMEOUT_US ? (uint32_t)usual : LINK_SHORTEST_TIMEOUT_US;
}

static uint32_t wait(const sender *s) {
    const int kept = s->backoff < LINK_KEPT_DOUBLINGS ? s->backoff : LINK_KEPT_DOUBLINGS, doublings = s->tries > kept ? s->tries : kept;
    uint32_t usual = timeout(s);
    for (int k = 0; k < doublings && usual < LINK_LONGEST_TIMEOUT_US; k++) usual *= 2;
    return (usual < LINK_LONGEST_TIMEOUT_US ? usual : LINK_LONGEST_TIMEOUT_US) + line_time(s, s->reach_bytes);
}

static int send(sender *s, uint32_t k, uint64_t now, sent_frame **f, uint16_t *seq) {
    sent_frame *one = item(s, k);
    if (s->reach == 1 && !one->sends) s->timer = now;
    one->sent_at = now, one->ahead = s->reach_bytes, one->again = 0;
    one->sends += one->sends < 255;
    *f = one, *seq = (uint16_t)(s->base + k);
    return 1;
}

static int may_send(const sender *s, uint32_t size) {
    return !s->reach || (s->reach < WINDOW && s->reach_bytes + size <= s->credit);
}

int sender_next(sender *s, uint64_t now, sent_frame **f, uint16_t *seq) {
    if (s->reach && now >= s->timer + wait(s)) {
        s->timer = now;
        s->tries += 1, s->backoff += 1;
        if (s->tries > LINK_TRIES) return -1;
        s->doubted = s->reach;
        item(s, 0)->again = 1;
    }
    for (uint32_t k = 0; k < s->reach; k++)
        if (item(s, k)->again) return send(s, k, now, f, seq);
    if (s->reach < s->count && may_send(s, wire_bytes(item(s, s->reach)->size))) {
        s->reach_bytes += wire_bytes(item(s, s->reach)->size);
        s->reach += 1;
        return send(s, s->reach - 1, now, f, seq);
    }
    return 0;
}

/* RFC 6298; of frames that were sent twice or held it is not known what was answered when (Karn). */
static void measure(sender *s, const sent_frame *f, uint64_t now) {
    if (f->sends != 1 || f->held) return;
    const int32_t taken = (int32_t)(uint32_t)(now - f->sent_at) - (int32_t)line_time(s, f->ahead);
    const int32_t sample = taken < 0 ? 0 : taken < LINK_LONGEST_TIMEOUT_US ? taken : LINK_LONGEST_TIMEOUT_US;
    const int32_t off = sample - s->smoothed;
    if (!s->measured) s->smoothed = sample, s->deviation = sample / 2;
    else s->deviation += ((off < 0 ? -off : off) - s->deviation) / 4, s->smoothed += off / 8;
    s->measured = 1, s->backoff = 0;
}

static void forget(sender *s, uint64_t now) {
    sent_frame *f = item(s, 0);
    measure(s, f, now);
    s->reach_bytes -= wire_bytes(f->size);
    s->first = (s->first + 1) % QUEUE;
    s->count -= 1, s->reach -= 1, s->base += 1;
}

static int overdue(const sender *s, const sent_frame *f, uint64_t now) {
    return f->sends == 1 || now - f->sent_at > (uint32_t)s->smoothed + line_time(s, f->ahead);
}

static void mend(sender *s, uint32_t held, uint64_t now) {
    uint32_t known = s->reach;
    if (held)
        for (known = 33; known > 1 && !(held >> (known - 2) & 1);) known--;
    for (uint32_t k = 0; k < known && k < s->reach; k++) {
        sent_frame *f = item(s, k);
        if (k && held >> (k - 1) & 1) f->held = 1;
        f->again = !f->held && (f->again || overdue(s, f, now));
    }
}

void sender_acknowledged(sender *s, int nak, uint32_t credit, uint32_t held, uint16_t expected, uint64_t now) {
    const uint32_t arrived = (uint16_t)(expected - s->base);
    if (arrived > s->reach) return; /* an old one that was held up on its way */
    s->credit = credit;
    for (uint32_t k = 0; k < arrived; k++) forget(s, now);
    if (arrived) {
        s->timer = now, s->tries = 0;
        s->doubted = s->doubted > arrived ? s->doubted - arrived : 0;
        if (s->doubted && s->count && now - item(s, 0)->sent_at > wait(s)) item(s, 0)->again = 1;
    }
    if (nak) mend(s, held, now);
}

/* --- from the host -------------------------------------------------------------------------------- */

void receiver_begin(receiver *r) { memset(r, 0, offsetof(receiver, payloads)); }

/* How many frames are here without a gap. */
static unsigned in_order(const receiver *r) {
    unsigned count = 0;
    while (count <= AHEAD && r->have[count]) count++;
    return count;
}

uint16_t receiver_expected(const receiver *r) { return (uint16_t)(r->first + in_order(r)); }

uint32_t receiver_held(const receiver *r) {
    uint32_t bits = 0;
    for (unsigned k = in_order(r) + 1, bit = 0; k <= AHEAD; k++, bit++) bits |= (uint32_t)r->have[k] << bit;
    return bits;
}

int receiver_accept(receiver *r, const frame *f) {
    const unsigned at = (uint16_t)(f->seq - r->first), before = in_order(r);
    r->due = 1;
    if (at >= 0x8000) return 0;
    if (at <= AHEAD && !r->have[at]) {
        r->have[at] = 1, r->held[at] = *f;
        memcpy(r->payloads[at], f->payload, f->size);
        r->held[at].payload = r->payloads[at];
    }
    r->missing = at > in_order(r) || receiver_held(r);
    return in_order(r) > before;
}

const frame *receiver_first(const receiver *r) { return r->have[0] ? r->held : 0; }

void receiver_taken(receiver *r) {
    r->first += 1;
    for (int k = 0; k < AHEAD; k++) {
        r->have[k] = r->have[k + 1], r->held[k] = r->held[k + 1];
        if (!r->have[k]) continue;
        memcpy(r->payloads[k], r->payloads[k + 1], r->held[k].size);
        r->held[k].payload = r->payloads[k];
    }
    r->have[AHEAD] = 0;
}
