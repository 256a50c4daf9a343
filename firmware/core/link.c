/* The board's end of the link: sessions, frames, requests and uploads. What leaves is in link_out.c. */
#include "link.h"
#include "link_out.h"
#include "serve.h"

#define ALWAYS (1u << STREAM_STIM | 1u << STREAM_STATUS | 1u << STREAM_LOG)
#define HASHED 1024 /* bytes of an upload between two looks at what else goes on */
#define MOST_LISTENED 20000 /* us between two looks at the line that count as silence */
#define MOST_WAITING (QUEUE - AHEAD - 3) /* replies to all that is held, and events, still find room then */

device_link LINK;

void link_start(uint64_t boot, uint32_t line_rate) {
    memset(&LINK, 0, sizeof LINK);
    LINK.boot = boot, LINK.out.rate = line_rate;
    LINK.last_session = (uint8_t)(boot % 255);
    sender_begin(&LINK.out);
    receiver_begin(&LINK.from_host);
    LINK.streams = ALWAYS;
    say(MSG_NOSESSION, 0, 0, boot);
}

/* Windows, streams and transfers start anew; uploads and the result stay. */
static void begin(unsigned session) {
    device_link *l = &LINK;
    l->session = (uint8_t)session;
    sender_begin(&l->out);
    receiver_begin(&l->from_host);
    l->telemetry_used = 0;
    memset(l->numbers, 0, sizeof l->numbers);
    l->streams = ALWAYS, l->raw_count = 0, l->sending = 0;
}

/* --- answers -------------------------------------------------------------------------------------- */

answer_parts ANSWER;

answer accepted(uint64_t number) {
    ANSWER.number = number;
    return 0;
}

answer refused_value(unsigned reason, const char *subject, unsigned said, double value, double allowed) {
    ANSWER.subject = subject, ANSWER.said = (uint8_t)said, ANSWER.value = value, ANSWER.allowed = allowed, ANSWER.place = LINK_NOWHERE;
    return reason;
}

answer refused(unsigned reason, const char *subject, unsigned said) {
    return refused_value(reason, subject, said, __builtin_nan(""), __builtin_nan(""));
}

answer refused_count(unsigned reason, const char *subject, unsigned said, uint32_t value, uint32_t allowed) {
    return refused_value(reason, subject, said, value, allowed);
}

answer malformed(void) { return refused(REFUSAL_MALFORMED, "", SAY_MALFORMED); }

/* --- the host's life ------------------------------------------------------------------------------ */

static void mark_lost(unsigned why) {
    LINK.watchdog = 0;
    board_host_lost(why);
}

void end_session(unsigned why) {
    if (!LINK.connected) return;
    LINK.past_nonce = LINK.nonce, LINK.past_known = 1, LINK.connected = 0;
    mark_lost(why);
    begin(0);
}

static void sign_of_life(uint64_t now) { LINK.heard = now, LINK.silence = 0; }

int link_silent(uint64_t now) { return LINK.watchdog && now - LINK.heard >= LINK.watchdog; }

/* A session ends by the time in which the board listened: what came while it was held up, as one that is emulated on a busy
   computer is, waits to be read. The watchdog, on which safety rests, takes no such excuse. */
void link_watch(uint64_t now) {
    const uint64_t past = now - LINK.watched;
    LINK.silence += past < MOST_LISTENED ? past : MOST_LISTENED;
    LINK.watched = now;
    if (link_silent(now)) mark_lost(SAY_SILENT_HOST);
    if (LINK.connected && LINK.silence >= LINK_SESSION_TIMEOUT_US) end_session(SAY_SILENT_SESSION);
}

/* --- from anyone ---------------------------------------------------------------------------------- */

static void hello(reader *r, uint64_t now) {
    const unsigned oldest = (unsigned)take_number(r, 1), newest = (unsigned)take_number(r, 1);
    const uint64_t nonce = take_number(r, 8);
    take_bytes(r, (uint32_t)take_number(r, 1));
    if (!all_taken(r)) return;
    if (LINK.past_known && nonce == LINK.past_nonce) return; /* it was held up on its way */
    if (oldest > LINK_NEWEST || newest < LINK_OLDEST) reject(nonce, REJECTION_VERSION);
    else if (LINK.connected && nonce != LINK.nonce) reject(nonce, REJECTION_BUSY);
    else {
        if (!LINK.connected) {
            sign_of_life(now);
            LINK.connected = 1, LINK.nonce = nonce, LINK.beat = 0;
            LINK.last_session = (uint8_t)(LINK.last_session % 255 + 1);
            begin(LINK.last_session);
        }
        say(MSG_WELCOME, LINK.session, newest < LINK_NEWEST ? newest : LINK_NEWEST, nonce);
    }
}

static void from_anyone(const frame *f, uint64_t now) {
    reader r = {f->payload, f->payload + f->size, 0};
    if (f->type == MSG_HELLO) {
        hello(&r, now);
        return;
    }
    const uint64_t number = take_number(&r, f->type == MSG_ESTOP ? 4 : 8);
    if (!all_taken(&r)) return;
    if (f->type == MSG_ESTOP) {
        board_estop();
        LINK.watchdog = 0;
        say(MSG_ESTOPACK, LINK.session, (uint32_t)number, board_clock());
    } else if (number == LINK.boot) board_reset();
}

static void complain(const frame *f, uint64_t now) {
    if (f->type == MSG_BYE || (LINK.ever_complained && now - LINK.complained < LINK_NO_SESSION_EVERY_US)) return;
    LINK.complained = now, LINK.ever_complained = 1;
    say(MSG_NOSESSION, f->session, 0, LINK.boot);
}

/* --- uploads -------------------------------------------------------------------------------------- */

static answer wrong_state(unsigned kind) {
    const unsigned state = board_state();
    if (state == STATE_DISARMED || (state == STATE_ARMED && kind != KIND_LIMITS)) return 0;
    return refused(REFUSAL_STATE, "state", SAY_UPLOAD_STATE);
}

static int same(const uint8_t *a, const uint8_t *b) { return !memcmp(a, b, 32); }

/* The reply to UploadBegin where it is none of Accepted and Refused: `offset` becomes where to go on. */
static answer upload_begin(reader *r, uint32_t *offset, int *loaded) {
    const unsigned kind = (unsigned)take_number(r, 1);
    const uint32_t total = (uint32_t)take_number(r, 4);
    const uint8_t *digest = take_bytes(r, 32);
    answer a;
    if (!all_taken(r) || kind < 1 || kind > KIND_COUNT) return malformed();
    upload *u = LINK.uploads + kind;
    LINK.current = 0, *loaded = u->loaded && same(u->loaded_sha256, digest);
    if (*loaded) return *offset = total, accepted(0);
    if ((a = wrong_state(kind)) || (a = board_may_upload(kind, total))) return a;
    if (!u->begun || u->total != total || !same(u->sha256, digest)) {
        memcpy(u->sha256, digest, 32);
        u->total = total, u->have = 0, u->begun = 1, u->loaded = 0; /* there is room for one content of each kind */
    }
    LINK.current = (int)kind, *offset = u->have;
    return accepted(0);
}

/* What does not join to what is there is left out: the hash will tell. */
static void upload_data(reader *r) {
    const uint32_t offset = (uint32_t)take_number(r, 4), size = (uint32_t)(r->end - r->at);
    upload *u = LINK.uploads + LINK.current;
    if (r->bad) return;
    if (!LINK.current || !u->begun || offset != u->have || size > u->total - u->have) return;
    memcpy(board_upload_room((unsigned)LINK.current) + offset, r->at, size);
    u->have += size;
}

static answer upload_end(reader *r, unsigned *kind) {
    *kind = (unsigned)take_number(r, 1);
    const uint8_t *digest = take_bytes(r, 32);
    uint8_t found[32];
    sha256 h;
    answer a;
    if (!all_taken(r) || *kind < 1 || *kind > KIND_COUNT) return malformed();
    if ((a = wrong_state(*kind))) return a;
    upload *u = LINK.uploads + *kind;
    const int begun = u->begun;
    u->begun = 0;
    if (!begun || !same(u->sha256, digest)) return refused(REFUSAL_NOT_LOADED, "", SAY_NO_UPLOAD);
    const uint8_t *data = board_upload_room(*kind);
    LINK.checking = 1;
    sha256_begin(&h);
    for (uint32_t at = 0; at < u->have; at += HASHED) {
        sha256_add(&h, data + at, u->have - at < HASHED ? u->have - at : HASHED);
        serve(HASHED / 16);
    }
    sha256_end(&h, found);
    LINK.checking = 0;
    if (!same(found, u->sha256)) return refused(REFUSAL_HASH, "", SAY_HASH);
    if ((a = board_uploaded(*kind, data, u->have, u->sha256)) || (a = wrong_state(*kind))) return a;
    u->loaded = 1, memcpy(u->loaded_sha256, u->sha256, 32);
    return 0;
}

/* --- requests ------------------------------------------------------------------------------------- */

static answer fetch(reader *r) {
    const uint32_t run = (uint32_t)take_number(r, 4), offset = (uint32_t)take_number(r, 4);
    uint32_t kept;
    const uint8_t *digest;
    if (!all_taken(r)) return malformed();
    const uint32_t total = board_result(&kept, &digest);
    if (!kept || kept != run) return refused(REFUSAL_NOT_LOADED, "", SAY_NO_RESULT);
    if (offset > total) return refused_count(REFUSAL_TOO_LARGE, "offset", 0, offset, total);
    LINK.sending = 1, LINK.sent = offset;
    return accepted(total - offset);
}

/* What the link itself must know of a request that the board accepted. */
static void note(unsigned type, const uint8_t *payload, uint32_t size) {
    if (type == MSG_ARM) LINK.watchdog = (uint64_t)get_u16(payload + 32) * 1000;
    if (type == MSG_DISARM) LINK.watchdog = 0;
    if (type != MSG_SUBSCRIBE) return;
    LINK.streams = ALWAYS | (get_u16(payload) & ((1u << STREAM_COUNT) - 1));
    LINK.raw_count = payload[2];
    for (uint32_t k = 0; k < LINK.raw_count && 3 + 2 * k + 2 <= size; k++) LINK.raw_channels[k] = get_u16(payload + 3 + 2 * k);
}

static answer of_board(const frame *f, reader *r) {
    if (f->type == MSG_ARM && f->size == 34) {
        const unsigned ms = get_u16(f->payload + 32);
        const unsigned nearest = ms < LINK_WATCHDOG_LEAST_MS ? LINK_WATCHDOG_LEAST_MS : LINK_WATCHDOG_MOST_MS;
        if (ms < LINK_WATCHDOG_LEAST_MS || ms > LINK_WATCHDOG_MOST_MS)
            return refused_count(REFUSAL_UNSAFE, "watchdog_ms", SAY_WATCHDOG, ms, nearest);
    }
    const answer a = board_request(f->type, r);
    if (!a) note(f->type, f->payload, f->size);
    return a;
}

/* Answer a reliable frame. Its number is used up, so what can't be read is answered as well. */
static void take(const frame *f) {
    const uint8_t session = LINK.session;
    reader r = {f->payload, f->payload + f->size, 0};
    unsigned kind = 0;
    uint32_t offset = 0;
    int loaded = 0;
    answer a;
    switch (f->type) {
    case MSG_UPLOADDATA: upload_data(&r); return;
    case MSG_UPLOADBEGIN:
        a = upload_begin(&r, &offset, &loaded);
        if (!a) {
            reply_ready(f->seq, loaded, offset);
            return;
        }
        break;
    case MSG_UPLOADEND:
        a = upload_end(&r, &kind);
        if (LINK.session != session) return; /* who asked is gone */
        if (!a) {
            reply_verified(f->seq, kind, LINK.uploads[kind].loaded_sha256);
            return;
        }
        break;
    case MSG_FETCH: a = fetch(&r); break;
    case MSG_ARM:
    case MSG_DISARM:
    case MSG_CLEARFAULT:
    case MSG_RUN:
    case MSG_HALT:
    case MSG_SUBSCRIBE:
    case MSG_STIMULATE: a = of_board(f, &r); break;
    default: a = refused(REFUSAL_UNKNOWN, "", SAY_NO_MESSAGE);
    }
    reply(f->seq, a);
}

/* While a request is taken that needs long, what follows it waits for its turn; but a stop, which never does harm, is done at
   once too. Signs of life are those that can't be said twice: new requests, and rising heartbeats. */
static void reliable(const frame *f, uint64_t now) {
    receiver *r = &LINK.from_host;
    if (f->seq == receiver_expected(r) && LINK.out.count > MOST_WAITING) return; /* it will be sent again */
    if (!receiver_accept(r, f)) return;
    sign_of_life(now);
    if (LINK.taking) {
        if (f->type == MSG_DISARM) board_stop();
        return;
    }
    LINK.taking = 1;
    for (const frame *first; (first = receiver_first(r));) {
        const unsigned session = LINK.session;
        take(first);
        if (LINK.session == session) receiver_taken(r); /* else all of them went with it */
    }
    LINK.taking = 0;
}

static void out_of_band(const frame *f, uint64_t now) {
    reader r = {f->payload, f->payload + f->size, 0};
    if (f->type == MSG_ACK) {
        const uint8_t *p = take_bytes(&r, 10);
        if (all_taken(&r) && p[0] <= 1 && p[1] <= STATE_FAULT) sender_acknowledged(&LINK.out, p[0], get_u32(p + 2), get_u32(p + 6), f->seq, now);
    } else if (f->type == MSG_HEARTBEAT) {
        const uint32_t token = (uint32_t)take_number(&r, 4);
        if (all_taken(&r) && token > LINK.beat) {
            sign_of_life(now);
            LINK.beat = token;
            say(MSG_HEARTBEATACK, LINK.session, token, board_clock());
        }
    } else if (f->type == MSG_BYE && f->size == 0) end_session(SAY_CLOSED);
}

void link_receive(uint8_t byte, uint64_t now) {
    frame f;
    if (!decode_byte(&LINK.in, byte, &f)) return;
    if (f.type == MSG_HELLO || f.type == MSG_ESTOP || f.type == MSG_RESET) from_anyone(&f, now);
    else if (!LINK.connected || f.session != LINK.session) complain(&f, now);
    else if (f.type >= 0x01 && f.type <= 0x3f) reliable(&f, now);
    else out_of_band(&f, now);
}

int link_wants(unsigned stream) { return LINK.connected && LINK.streams >> stream & 1; }
