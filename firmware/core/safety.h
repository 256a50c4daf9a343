/* The interlock: limits, electrodes, pulses, and what outlasts a restart (docs/safety.md). */
#ifndef BIO_SAFETY_H
#define BIO_SAFETY_H
#include "tables.h"
#include "bytes.h"

#define CHANNELS 16
#define RANGE_STEPS 255
#ifndef MOST_REFUSALS
#define MOST_REFUSALS 8 /* a board tells the first; tests look at all */
#endif

typedef struct {
    double area, max_current, max_charge;
    uint8_t listed, allowed, material;
} electrode;

typedef struct {
    bio_limits limits;
    electrode electrodes[CHANNELS];
    int beyond; /* a channel that the board does not have; -1: none */
} limits_table;

/* Phase k is `levels[k]` steps of current for `samples[k]` samples; more phases than there is room for are counted only. */
typedef struct {
    uint32_t phases;
    int32_t levels[SAFETY_MOST_PHASES];
    uint32_t samples[SAFETY_MOST_PHASES];
} pulse;

typedef struct {
    uint8_t rule;
    double value, limit;
} refusal;

typedef struct {
    uint32_t count;
    refusal found[MOST_REFUSALS];
} refusals;

void refuse(refusals *r, unsigned rule, double value, double limit);
/* 0: sound; else the text of what is wrong with the bytes. */
unsigned limits_read(limits_table *t, const uint8_t *data, uint32_t size);
void limits_over(refusals *r, const limits_table *mine, const limits_table *ceiling);
void check_pulse(refusals *r, const pulse *p, const limits_table *t, uint32_t channel, double step, double period);

/* --- what several pulses must not do together; the region outlasts restarts --- */

typedef struct {
    int64_t start, low, high;
    uint32_t length;
    uint16_t peak, flying;
} channel_history;

typedef struct {
    uint8_t magic[4];
    uint32_t crc;
    int64_t clock, ready;
    channel_history channels[CHANNELS];
} history;

typedef struct {
    bio_limits limits;
    double step, period;
    history *region;
    int64_t discharge;
} guard;

void guard_begin(guard *g, const bio_limits *limits, double step, double period, void *region);
void guard_judge(refusals *r, const guard *g, int64_t start, uint32_t channel, const pulse *p);
int guard_admit(refusals *r, guard *g, int64_t start, uint32_t channel, const pulse *p); /* true where it counts from now on */
void guard_over(guard *g, uint32_t channel);
void guard_withdraw(guard *g, uint32_t channel, const pulse *p);
void guard_tick(guard *g, int64_t clock);
void guard_forget(guard *g);
double guard_wait(const guard *g);

uint32_t pulse_length(const pulse *p);
int64_t pulse_net(const pulse *p);

#endif
