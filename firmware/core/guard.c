/* The rules that look at several pulses, and what outlasts a restart, as `bioasm/safety/guard.py` and `history.py` have it. */
#include "arithmetic.h"
#include "safety.h"

#define LATEST (INT64_C(1) << 62)

/* --- the region ----------------------------------------------------------------------------------- */

static uint32_t crc_of(const history *h) { return crc32_of(0, (const uint8_t *)&h->clock, sizeof *h - offsetof(history, clock)); }

/* Every change ends with this, before a pulse flows. */
static void keep(guard *g) { g->region->crc = crc_of(g->region); }

void guard_begin(guard *g, const bio_limits *limits, double step, double period, void *region) {
    g->limits = *limits, g->step = step, g->period = period, g->region = region;
    g->discharge = (int64_t)ceil_of(SAFETY_DISCHARGE_S / period);
    history *h = g->region;
    const int sound = !memcmp(h->magic, "BSH1", 4) && h->crc == crc_of(h) && h->clock < LATEST;
    int flying = 0;
    if (!sound) memset(h, 0, sizeof *h);
    memcpy(h->magic, "BSH1", 4);
    for (int k = 0; k < CHANNELS; k++) flying |= h->channels[k].flying, h->channels[k].flying = 0;
    if (!sound || flying) h->ready = h->clock + g->discharge;
    keep(g);
}

void guard_over(guard *g, uint32_t channel) {
    g->region->channels[channel].flying -= 1;
    keep(g);
}

void guard_withdraw(guard *g, uint32_t channel, const pulse *p) {
    channel_history *mine = g->region->channels + channel;
    mine->low -= pulse_net(p), mine->high -= pulse_net(p);
    guard_over(g, channel);
}

void guard_tick(guard *g, int64_t clock) {
    history *h = g->region;
    if (clock > h->clock) h->clock = clock;
    if (h->ready && h->clock >= h->ready) {
        h->ready = 0;
        for (int k = 0; k < CHANNELS; k++) h->channels[k].low = h->channels[k].high = 0;
    }
    keep(g);
}

void guard_forget(guard *g) {
    g->region->ready = g->region->clock + g->discharge;
    keep(g);
}

double guard_wait(const guard *g) {
    const int64_t left = g->region->ready - g->region->clock;
    return left > 0 ? (double)left * g->period : 0.0;
}

/* --- the rules ------------------------------------------------------------------------------------ */

static uint32_t peak_of(const pulse *p) {
    uint32_t peak = 0;
    for (uint32_t k = 0; k < p->phases; k++) {
        const uint32_t level = (uint32_t)(p->levels[k] < 0 ? -p->levels[k] : p->levels[k]);
        peak = level > peak ? level : peak;
    }
    return peak;
}

static int order(refusals *r, const guard *g, int64_t start) {
    const uint32_t before = r->count;
    int64_t latest = 0;
    for (int k = 0, any = 0; k < CHANNELS; k++) {
        const channel_history *c = g->region->channels + k;
        if (c->length && (!any || c->start > latest)) latest = c->start, any = 1;
    }
    if (start < latest) refuse(r, RULE_ORDER, (double)start, (double)latest);
    if (g->region->ready) refuse(r, RULE_DISCHARGE, guard_wait(g), 0.0);
    return r->count == before;
}

/* The bounds after a pulse, before which any part of what was held may have leaked away. */
static void with_net(const channel_history *c, int64_t net, int64_t *low, int64_t *high) {
    *low = (c->low < 0 ? c->low : 0) + net;
    *high = (c->high > 0 ? c->high : 0) + net;
}

static void net_of_all(refusals *r, const guard *g, const channel_history *c, const pulse *p) {
    const double most = g->limits.net_fraction * g->limits.max_charge, unit = g->step * g->period;
    int64_t low, high;
    with_net(c, pulse_net(p), &low, &high);
    const int64_t net = -low > high ? -low : high;
    if ((double)net > floor_of(most / unit * (1 + SAFETY_ROUNDING))) refuse(r, RULE_BALANCE, (double)net * unit, most);
}

static double samples(const guard *g, double seconds) { return ceil_of(seconds / g->period * (1 - 1e-12)); }

static void pauses(refusals *r, const guard *g, const channel_history *c, int64_t start) {
    if (!c->length) return;
    const double since = (double)(start - c->start);
    const double needed[3] = {
        c->length + samples(g, g->limits.min_gap), samples(g, 1 / g->limits.max_rate), ceil_of(c->length / g->limits.max_duty - 1e-9)};
    for (int k = 0; k < 3; k++)
        if (since < needed[k]) refuse(r, RULE_GAP + (unsigned)k, since * g->period, needed[k] * g->period);
}

static void together(refusals *r, const guard *g, int64_t start, uint32_t channel, const pulse *p) {
    double count = 1, peaks = peak_of(p);
    for (uint32_t k = 0; k < CHANNELS; k++) {
        const channel_history *c = g->region->channels + k;
        if (k == channel || c->start + c->length <= start) continue;
        count += 1, peaks += c->peak;
    }
    if (count > g->limits.max_simultaneous) refuse(r, RULE_SIMULTANEOUS, count, g->limits.max_simultaneous);
    const double total = peaks * g->step, most = g->limits.max_total_current;
    if (total > most * (1 + SAFETY_ROUNDING)) refuse(r, RULE_TOTAL_CURRENT, total, most);
}

void guard_judge(refusals *r, const guard *g, int64_t start, uint32_t channel, const pulse *p) {
    if (!order(r, g, start)) return;
    const channel_history *c = g->region->channels + channel;
    net_of_all(r, g, c, p);
    pauses(r, g, c, start);
    together(r, g, start, channel, p);
}

int guard_admit(refusals *r, guard *g, int64_t start, uint32_t channel, const pulse *p) {
    const uint32_t before = r->count;
    guard_judge(r, g, start, channel, p);
    if (r->count > before) return 0;
    channel_history *c = g->region->channels + channel;
    int64_t low, high;
    with_net(c, pulse_net(p), &low, &high);
    c->start = start, c->length = pulse_length(p), c->peak = (uint16_t)peak_of(p);
    c->low = low, c->high = high, c->flying += 1;
    keep(g);
    return 1;
}
