/* Reliable delivery: a window of frames in each direction, acknowledged one and all (docs/link.md). Times in microseconds. */
#ifndef BIO_WINDOW_H
#define BIO_WINDOW_H
#include "wire.h"

#define WINDOW 8   /* frames that may be on their way to the host */
#define QUEUE 12   /* frames that are kept until they are acknowledged */
#define AHEAD 4    /* frames from the host that are kept where one before them is missing or still being taken */

typedef struct {
    uint8_t type, sends, held, again;
    uint16_t size;
    uint32_t ahead;   /* bytes not acknowledged when it was sent, its own among them */
    uint64_t sent_at;
    uint8_t payload[LINK_MAX_PAYLOAD];
} sent_frame;

typedef struct {
    sent_frame queue[QUEUE];
    uint32_t first, count, reach, reach_bytes; /* of the queue; how many of them were ever sent */
    uint16_t base;
    uint32_t credit, rate; /* bytes the receiver has room for; bytes a second that the line carries, 0: not known */
    uint64_t timer;
    int32_t smoothed, deviation;
    int measured, tries, backoff;
    uint32_t doubted;
} sender;

typedef struct {
    uint16_t first; /* the frame that is taken next */
    uint8_t due, missing, have[AHEAD + 1];
    frame held[AHEAD + 1]; /* frame first + k */
    uint8_t payloads[AHEAD + 1][LINK_MAX_PAYLOAD];
} receiver;

void sender_begin(sender *s);
uint8_t *sender_queue(sender *s, unsigned type);           /* room for the payload of a new frame; 0: none is left */
void sender_size(sender *s, uint32_t size);                /* how long the payload of the newest became */
int sender_next(sender *s, uint64_t now, sent_frame **f, uint16_t *seq); /* 1: send this; 0: nothing; -1: the link is lost */
void sender_acknowledged(sender *s, int nak, uint32_t credit, uint32_t held, uint16_t expected, uint64_t now);

void receiver_begin(receiver *r);
int receiver_accept(receiver *r, const frame *f);          /* true where it is the one that is expected */
const frame *receiver_first(const receiver *r);            /* the frame to be taken; 0: it is not here */
void receiver_taken(receiver *r);                          /* it was, and is forgotten */
uint16_t receiver_expected(const receiver *r);
uint32_t receiver_held(const receiver *r);                 /* of those after the expected one: bit k is frame expected + 1 + k */

#endif
