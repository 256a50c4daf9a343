/* What leaves the board. */
#include "link_out.h"

#define RX_BYTES 4096
#define RESULT_CHUNK (LINK_MAX_PAYLOAD - 8)

/* --- reliable ------------------------------------------------------------------------------------- */

int event_begin(unsigned type, writer *w) {
    uint8_t *payload = LINK.connected ? sender_queue(&LINK.out, type) : 0;
    w->at = payload, w->end = payload ? payload + LINK_MAX_PAYLOAD : 0, w->full = 0;
    return payload != 0;
}

void event_end(const writer *w) { sender_size(&LINK.out, LINK_MAX_PAYLOAD - (uint32_t)(w->end - w->at)); }

void reply(unsigned request, answer reason) {
    const answer_parts *a = &ANSWER;
    writer w;
    if (!event_begin(reason ? MSG_REFUSED : MSG_ACCEPTED, &w)) return;
    put_u16(&w, request);
    if (!reason) put_u64(&w, a->number);
    else {
        put_u8(&w, reason), put_text(&w, a->subject);
        put_f64(&w, a->value), put_f64(&w, a->allowed);
        put_u32(&w, a->place), put_text(&w, said_text(a->said).characters);
    }
    event_end(&w);
}

void reply_ready(unsigned request, int loaded, uint32_t offset) {
    writer w;
    if (!event_begin(MSG_UPLOADREADY, &w)) return;
    put_u16(&w, request), put_u8(&w, (unsigned)loaded), put_u32(&w, offset);
    event_end(&w);
}

void reply_verified(unsigned request, unsigned kind, const uint8_t *sha256) {
    writer w;
    if (!event_begin(MSG_VERIFIED, &w)) return;
    put_u16(&w, request), put_u8(&w, kind), put_bytes(&w, sha256, 32);
    event_end(&w);
}

/* Put the next bytes of a fetched result into the window, as it has room for them. */
static void feed(void) {
    while (LINK.sending && LINK.out.count - LINK.out.reach < WINDOW / 2 && LINK.out.count < QUEUE - AHEAD - 2) {
        writer w;
        uint32_t run;
        const uint8_t *digest;
        const uint32_t total = board_result(&run, &digest);
        uint8_t data[RESULT_CHUNK];
        const uint32_t size = board_result_read(LINK.sent, data, sizeof data);
        if (LINK.sent + size >= total) LINK.sending = 0;
        if (!size || !event_begin(MSG_RESULTDATA, &w)) return;
        put_u32(&w, run), put_u32(&w, LINK.sent), put_bytes(&w, data, size);
        event_end(&w);
        LINK.sent += size;
    }
}

/* --- out of band ---------------------------------------------------------------------------------- */

static void queue_urgent(urgent u) {
    if (LINK.urgent_count == URGENT) LINK.urgent_first = (LINK.urgent_first + 1) % URGENT, LINK.urgent_count -= 1;
    LINK.urgents[(LINK.urgent_first + LINK.urgent_count++) % URGENT] = u;
}

void say(unsigned type, unsigned session, uint32_t token, uint64_t number) {
    const urgent u = {(uint8_t)type, (uint8_t)session, (uint8_t)(type == MSG_NOSESSION ? 0 : board_state()), token, number, 0};
    queue_urgent(u);
}

void reject(uint64_t nonce, unsigned reason) {
    const urgent u = {MSG_REJECTED, 0, 0, 0, nonce, (uint8_t)reason};
    queue_urgent(u);
}

static void welcome(writer *w, const urgent *u) {
    static const uint8_t nothing[32];
    const uint8_t *digest = nothing;
    uint32_t run;
    const uint32_t total = board_result(&run, &digest);
    put_u8(w, u->token), put_u64(w, u->number), put_u64(w, LINK.boot), put_u8(w, board_state());
    put_u8(w, KIND_COUNT);
    for (int k = 1; k <= KIND_COUNT; k++) put_bytes(w, LINK.uploads[k].loaded ? LINK.uploads[k].loaded_sha256 : nothing, 32);
    put_u32(w, run), put_u32(w, run ? total : 0), put_bytes(w, run ? digest : nothing, 32);
    board_capabilities(w);
}

static uint32_t urgent_frame(const urgent *u) {
    uint8_t payload[LINK_MAX_PAYLOAD];
    writer w = {payload, payload + sizeof payload, 0};
    switch (u->type) {
    case MSG_WELCOME: welcome(&w, u); break;
    case MSG_NOSESSION: put_u64(&w, u->number); break;
    case MSG_REJECTED:
        put_u64(&w, u->number), put_u8(&w, u->reason), put_u8(&w, LINK_OLDEST), put_u8(&w, LINK_NEWEST);
        put_text(&w, said_text(u->reason == REJECTION_BUSY ? SAY_BUSY : 0).characters);
        break;
    default: put_u32(&w, u->token), put_u64(&w, u->number), put_u8(&w, u->state);
    }
    return encode_frame(LINK.frame, u->type, u->session, 0, payload, (uint32_t)(w.at - payload));
}

/* --- telemetry: frames in the order of their making, each behind stream, number and size ---------- */

#define HEAD 5 /* stream, u16 number, u16 size */

static uint8_t building[LINK_MAX_PAYLOAD];

int telemetry_begin(unsigned stream, writer *w) {
    w->at = building, w->end = building + sizeof building, w->full = 0;
    return link_wants(stream);
}

/* The first frame of a stream; `telemetry_used` where there is none. */
static uint32_t first_of(unsigned stream) {
    uint32_t at = 0;
    while (at < LINK.telemetry_used && LINK.telemetry[at] != stream) at += HEAD + get_u16(LINK.telemetry + at + 3);
    return at;
}

static void remove_at(uint32_t at) {
    const uint32_t size = HEAD + get_u16(LINK.telemetry + at + 3);
    memmove(LINK.telemetry + at, LINK.telemetry + at + size, LINK.telemetry_used - at - size);
    LINK.telemetry_used -= size;
}

/* Drop the oldest frame of the stream that matters least, and no more than `stream` does; false where there is none. STIM
   frames are never dropped for others. */
static int drop(unsigned stream) {
    static const uint8_t order[] = {STREAM_RAW, STREAM_SPIKES, STREAM_ENERGY, STREAM_LOG, STREAM_STATUS};
    for (unsigned k = 0; k < sizeof order; k++) {
        const uint32_t at = first_of(order[k]);
        if (at < LINK.telemetry_used) {
            LINK.dropped[order[k]] += 1;
            remove_at(at);
            return 1;
        }
        if (order[k] == stream) return 0;
    }
    return 0;
}

void telemetry_end(unsigned stream, const writer *w) {
    const uint32_t size = (uint32_t)(w->at - building);
    const uint16_t number = LINK.numbers[stream]++;
    while (LINK.telemetry_used + HEAD + size > TELEMETRY_BYTES && drop(stream)) {
    }
    if (LINK.telemetry_used + HEAD + size > TELEMETRY_BYTES) {
        LINK.dropped[stream] += 1;
        return;
    }
    uint8_t *to = LINK.telemetry + LINK.telemetry_used;
    to[0] = (uint8_t)stream, to[1] = (uint8_t)number, to[2] = (uint8_t)(number >> 8), to[3] = (uint8_t)size, to[4] = (uint8_t)(size >> 8);
    memcpy(to + HEAD, building, size);
    LINK.telemetry_used += HEAD + size;
}

static uint32_t telemetry_frame(void) {
    static const uint8_t order[] = {STREAM_STIM, STREAM_STATUS, STREAM_LOG, STREAM_SPIKES, STREAM_ENERGY, STREAM_RAW};
    for (unsigned k = 0; k < sizeof order; k++) {
        const uint32_t at = first_of(order[k]);
        if (at == LINK.telemetry_used) continue;
        const uint8_t *from = LINK.telemetry + at;
        const uint32_t size = encode_frame(LINK.frame, 0x80u + order[k], LINK.session, get_u16(from + 1), from + HEAD, get_u16(from + 3));
        remove_at(at);
        return size;
    }
    return 0;
}

/* --- polling -------------------------------------------------------------------------------------- */

static uint32_t acknowledgement(void) {
    uint8_t payload[10];
    receiver *r = &LINK.from_host;
    writer w = {payload, payload + sizeof payload, 0};
    put_u8(&w, r->missing), put_u8(&w, board_state()), put_u32(&w, RX_BYTES), put_u32(&w, receiver_held(r));
    r->due = 0;
    return encode_frame(LINK.frame, MSG_ACK, LINK.session, receiver_expected(r), payload, sizeof payload);
}

/* The next frame into LINK.frame; its size, 0 where there is none. */
static uint32_t next_frame(uint64_t now) {
    sent_frame *f;
    uint16_t seq;
    if (LINK.urgent_count) {
        const urgent u = LINK.urgents[LINK.urgent_first];
        LINK.urgent_first = (LINK.urgent_first + 1) % URGENT, LINK.urgent_count -= 1;
        return urgent_frame(&u);
    }
    if (LINK.from_host.due) return acknowledgement();
    feed();
    const int found = sender_next(&LINK.out, now, &f, &seq);
    if (found < 0) end_session(SAY_NO_ACKNOWLEDGEMENT);
    if (found > 0) return encode_frame(LINK.frame, f->type, LINK.session, seq, f->payload, f->size);
    return found < 0 ? 0 : telemetry_frame();
}

uint32_t link_poll(uint8_t *to, uint32_t room, uint64_t now) {
    uint32_t done = 0;
    link_watch(now);
    while (done < room) {
        if (LINK.frame_at == LINK.frame_end) LINK.frame_at = 0, LINK.frame_end = next_frame(now);
        if (!LINK.frame_end) break;
        const uint32_t left = LINK.frame_end - LINK.frame_at, some = left < room - done ? left : room - done;
        memcpy(to + done, LINK.frame + LINK.frame_at, some);
        LINK.frame_at += some, done += some;
    }
    return done;
}
