/* The board's end of the link (docs/link.md): sessions, watchdog, requests, uploads, results, telemetry. */
#ifndef BIO_LINK_H
#define BIO_LINK_H
#include "texts.h"
#include "window.h"

#define URGENT 16
#define TELEMETRY_BYTES 8192

/* What a request came to: 0 where it is accepted, else a REFUSAL. What more its reply tells stands in ANSWER. */
typedef unsigned answer;

typedef struct {
    const char *subject;
    uint8_t said;
    double value, allowed;
    uint32_t place;
    uint64_t number; /* of a request that was accepted */
} answer_parts;

extern answer_parts ANSWER;

typedef struct {
    uint8_t sha256[32];
    uint32_t total, have;
    uint8_t begun, loaded;
    uint8_t loaded_sha256[32];
} upload;

typedef struct {
    uint8_t type, session, state;
    uint32_t token;
    uint64_t number; /* clock or nonce */
    uint8_t reason;
} urgent;

typedef struct {
    decoder in;
    sender out;
    receiver from_host;
    uint8_t session, last_session, connected, past_known;
    uint64_t nonce, past_nonce, boot, heard, complained, watchdog; /* watchdog: 0 while disarmed */
    uint64_t watched, silence; /* the last look at the host's life; how long it was listened for in vain */
    uint32_t beat;
    uint8_t checking; /* an upload, which may take long */
    uint8_t taking; /* a reliable frame: those that come meanwhile wait for their turn */
    uint8_t ever_complained;
    upload uploads[KIND_COUNT + 1];
    int current; /* the kind of the upload that was begun last; 0: none */
    urgent urgents[URGENT];
    uint32_t urgent_first, urgent_count;
    uint8_t telemetry[TELEMETRY_BYTES];
    uint32_t telemetry_used;
    uint16_t numbers[STREAM_COUNT];
    uint32_t dropped[STREAM_COUNT];
    uint32_t streams;
    uint8_t raw_count;
    uint16_t raw_channels[64];
    int sending; /* whether a result is being fetched, */
    uint32_t sent; /* from here on */
    uint8_t frame[LINK_LONGEST + 2];
    uint32_t frame_at, frame_end;
} device_link;

extern device_link LINK;

void link_start(uint64_t boot, uint32_t line_rate);
void link_receive(uint8_t byte, uint64_t now);
uint32_t link_poll(uint8_t *to, uint32_t room, uint64_t now); /* bytes to write now */
void link_watch(uint64_t now);                                /* looks at the host's signs of life */
int link_wants(unsigned stream);
int link_silent(uint64_t now); /* whether the watchdog's time has passed */

/* A payload of telemetry, which `telemetry_end` queues; `telemetry_begin` is false where nobody listens. */
int telemetry_begin(unsigned stream, writer *w);
void telemetry_end(unsigned stream, const writer *w);

/* A reliable event: room for its payload, or 0; `event_end` says where it ends. */
int event_begin(unsigned type, writer *w);
void event_end(const writer *w);

/* --- what the link asks of the board (board.c) --- */
uint64_t board_clock(void);
unsigned board_state(void);
answer board_request(unsigned type, reader *r); /* MALFORMED where its payload is none */
answer board_may_upload(unsigned kind, uint32_t total);
uint8_t *board_upload_room(unsigned kind);
answer board_uploaded(unsigned kind, const uint8_t *data, uint32_t size, const uint8_t *sha256);
void board_estop(void);
void board_stop(void); /* as Disarm does */
void board_reset(void);
void board_host_lost(unsigned why);
void board_capabilities(writer *w);
uint32_t board_result(uint32_t *run, const uint8_t **digest); /* bytes of the result that is kept */
uint32_t board_result_read(uint32_t at, uint8_t *to, uint32_t count);

answer accepted(uint64_t number);
answer refused(unsigned reason, const char *subject, unsigned said);
answer refused_value(unsigned reason, const char *subject, unsigned said, double value, double allowed);
answer refused_count(unsigned reason, const char *subject, unsigned said, uint32_t value, uint32_t allowed);
answer malformed(void); /* the payload is too short or too long for its message */

#endif
