/* The stimulator. This is the only code that makes words for stimulation registers: a pulse gets out of here only after the
   board's own table, the host's table and the guard have admitted it, in whole steps and samples. */
#include "stimulator.h"
#include "arithmetic.h"
#include "rig.h"

#define TRAINS 16
#define MOST_LOADS 64
#define MOST_EDGES 256
#define MOST_FLYING 32
#define EDGE_WORDS 3
#define SETTLED_AFTER 2 /* samples after the end of a pulse */
#define SEES 2          /* an edge at which a channel's amplifier is let go again */
#define NEVER INT64_MAX
enum { SETTLE = 10, ON = 42, POLARITY = 44, RECOVERY = 46, NEGATIVE = 64, POSITIVE = 96 };

/* One pulse on channels, so many times; `at` is the next start, `channel` the place in the list of its next channel. */
typedef struct {
    pulse pulse;
    int64_t at;
    uint32_t period, left;
    uint8_t used, channels, channel, list[CHANNELS];
    uint64_t age;
} train;

typedef struct {
    int64_t sample;
    uint32_t word;
} load;

typedef struct {
    int64_t sample;
    uint8_t channel;
    int8_t sign;
} edge;

typedef struct {
    pulse pulse;
    int64_t start;
    uint8_t channel, used;
} flight;

limits_table STIM_TABLE;

static struct {
    limits_table own;
    guard guard;
    train trains[TRAINS];
    load loads[MOST_LOADS];
    edge edges[MOST_EDGES];
    flight flights[MOST_FLYING];
    uint32_t load_count, edge_count;
    uint32_t on, polarity, settled;
    uint64_t age;
    uint8_t armed;
} S;

static uint32_t write_word(unsigned reg, uint32_t value, int update) { return 0x80000000u | (update ? 1u << 29 : 0) | reg << 16 | value; }
#define ROM_WORD (0xC0000000u | 251u << 16)

guard *stim_guard(void) { return &S.guard; }
const limits_table *stim_own(void) { return &S.own; }
int stim_armed(void) { return S.armed; }
int stim_on(void) { return S.on != 0; }

void stim_boot(void *region) {
    static const electrode disk = {7.853981633974483e-09, __builtin_inf(), __builtin_inf(), 1, 1, 0}; /* 100 um across, of unknown material */
    memset(&S, 0, sizeof S);
    S.own.limits = DEFAULT_LIMITS, S.own.beyond = -1;
    for (int k = 0; k < CHANNELS; k++) S.own.electrodes[k] = disk;
    guard_begin(&S.guard, &DEFAULT_LIMITS, RIG_STEP, 1.0 / RIG_RATE, region);
}

/* --- telling -------------------------------------------------------------------------------------- */

static void tell(int64_t start, unsigned channel, unsigned outcome, const char *limit, const pulse *delivered) {
    writer w;
    if (!telemetry_begin(STREAM_STIM, &w)) return;
    put_u64(&w, (uint64_t)start), put_u16(&w, channel), put_u8(&w, outcome), put_text(&w, limit);
    for (uint32_t k = 0; delivered && k < delivered->phases; k++)
        put_f64(&w, delivered->levels[k] * RIG_STEP * (delivered->samples[k] * (1.0 / RIG_RATE)));
    telemetry_end(STREAM_STIM, &w);
}

/* --- arming --------------------------------------------------------------------------------------- */

/* Drop the queued words. A pulse cut off on its way makes the net charge of its channel unknown. */
static void clear(void) {
    for (int k = 0; k < MOST_FLYING; k++)
        if (S.flights[k].used) {
            guard_over(&S.guard, S.flights[k].channel);
            guard_forget(&S.guard);
            S.flights[k].used = 0;
        }
    S.load_count = S.edge_count = 0;
    S.on = S.polarity = S.settled = 0;
}

uint32_t stim_arm(uint32_t *words) {
    S.armed = 1;
    S.guard.limits = STIM_TABLE.limits; /* what stimulated before still counts */
    clear();
    words[0] = write_word(SETTLE, 0, 0), words[1] = write_word(RECOVERY, 0, 0), words[2] = write_word(ON, 0, 1);
    words[3] = write_word(32, 0xAAAA, 0), words[4] = write_word(33, 0x00FF, 0);
    return 5;
}

uint32_t stim_disarm(uint32_t *words) {
    S.armed = 0;
    memset(S.trains, 0, sizeof S.trains);
    clear();
    if (guard_wait(&S.guard) > 0.0) guard_forget(&S.guard); /* charge leaves the electrodes from now on, for now they are grounded */
    words[0] = write_word(ON, 0, 0), words[1] = write_word(RECOVERY, 0xFFFF, 1);
    words[2] = write_word(32, 0, 0), words[3] = write_word(33, 0, 0);
    return 4;
}

/* --- asking for pulses ---------------------------------------------------------------------------- */

static void judge_alone(refusals *r, const pulse *p, uint32_t channel) {
    check_pulse(r, p, &S.own, channel, RIG_STEP, 1.0 / RIG_RATE);
    if (!r->count) check_pulse(r, p, &STIM_TABLE, channel, RIG_STEP, 1.0 / RIG_RATE);
}

uint32_t stim_waiting(void) {
    uint32_t waiting = 0;
    for (int k = 0; k < TRAINS; k++)
        if (S.trains[k].used) waiting += S.trains[k].left * S.trains[k].channels - S.trains[k].channel;
    return waiting;
}

/* Phases in whole steps and samples; false where they are none. */
static int quantised(reader *r, pulse *p) {
    const double step = RIG_STEP * 1e9, tick = 1e9 / RIG_RATE;
    int fine = 1;
    p->phases = 0;
    while (r->at < r->end && !r->bad) {
        const double current = (int32_t)take_number(r, 4), width = (double)take_number(r, 4);
        const double level = round_even(current / step), count = round_even(width / tick);
        const double off = level * step - current, late = count * tick - width, most = width * 1e-6 > 1.0 ? width * 1e-6 : 1.0;
        fine = fine && (off < 0 ? -off : off) <= 1e-6 * step && (late < 0 ? -late : late) <= most;
        if (p->phases < SAFETY_MOST_PHASES) p->levels[p->phases] = (int32_t)level, p->samples[p->phases] = (uint32_t)count;
        p->phases += 1;
    }
    return fine;
}

static answer flaw_of_timing(const train *t, uint64_t at, int64_t clock) {
    uint32_t seen = 0;
    int once = t->channels > 0;
    for (int k = 0; k < t->channels; k++) {
        once = once && !(seen >> t->list[k] & 1);
        seen |= 1u << t->list[k];
    }
    if (!once) return refused(REFUSAL_MALFORMED, "channels", SAY_CHANNELS);
    if (t->left < 1 || (t->left > 1 && !t->period)) return refused(REFUSAL_MALFORMED, "count", SAY_TRAIN);
    if (at && (at < (uint64_t)(clock + LEAD) || at >= UINT64_C(1) << 62)) return refused_value(REFUSAL_UNABLE, "at", SAY_EARLY, (double)at, (double)(clock + LEAD));
    const double waiting = (double)stim_waiting() + (double)t->left * t->channels;
    if (waiting > MOST_WAITING_PULSES) return refused_value(REFUSAL_TOO_LARGE, "queue", SAY_MANY_PULSES, waiting, MOST_WAITING_PULSES);
    return accepted(0);
}

answer stim_request(reader *r, int64_t clock) {
    static refusals found;
    train t;
    memset(&t, 0, sizeof t);
    uint32_t beyond = 0, count = (uint32_t)take_number(r, 1);
    for (uint32_t k = 0; k < count && !r->bad; k++) {
        const uint32_t channel = (uint32_t)take_number(r, 2);
        if (channel >= CHANNELS || t.channels == CHANNELS) beyond = channel ? channel : CHANNELS;
        else t.list[t.channels++] = (uint8_t)channel;
    }
    t.left = (uint32_t)take_number(r, 2);
    const uint32_t period_ns = (uint32_t)take_number(r, 4);
    const uint64_t at = take_number(r, 8);
    const int fine = quantised(r, &t.pulse);
    if (!all_taken(r)) return malformed();
    if (!fine) return refused(REFUSAL_UNSAFE, "quantisation", SAY_QUANTISATION);
    t.period = (uint32_t)round_even(period_ns * 1e-9 * RIG_RATE);
    if (beyond) return refused_count(REFUSAL_UNSAFE, RULE_TITLES[RULE_ELECTRODE], SAY_NO_CHANNEL, beyond, CHANNELS - 1);
    const answer flaw = flaw_of_timing(&t, at, clock);
    if (flaw) return flaw;
    for (int k = 0; k < t.channels; k++) {
        found.count = 0;
        judge_alone(&found, &t.pulse, t.list[k]);
        if (found.count) return refused_value(REFUSAL_UNSAFE, RULE_TITLES[found.found[0].rule], SAY_INTERLOCK, found.found[0].value, found.found[0].limit);
    }
    t.at = at ? (int64_t)at : clock + LEAD, t.used = 1, t.age = ++S.age;
    for (int k = 0; k < TRAINS; k++)
        if (!S.trains[k].used) return S.trains[k] = t, accepted((uint64_t)t.at);
    return refused_count(REFUSAL_TOO_LARGE, "queue", SAY_MANY_TRAINS, TRAINS + 1, TRAINS);
}

/* --- judging when the time has come --------------------------------------------------------------- */

static uint32_t loads_at(int64_t sample) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < S.load_count; k++) count += S.loads[k].sample == sample;
    return count;
}

static int edge_at(int64_t sample) {
    for (uint32_t k = 0; k < S.edge_count; k++)
        if (S.edges[k].sample == sample) return 1;
    return 0;
}

/* The samples in whose periods the amplitudes are loaded, the last free ones before the start; false: too late. */
static int places(const pulse *p, int64_t start, int64_t now, int64_t found[2]) {
    int64_t at = start;
    for (uint32_t k = 0; k <= p->phases; k++) {
        if (loads_at(at) > AUX_WORDS - EDGE_WORDS) return 0;
        if (k < p->phases) at += p->samples[k];
    }
    if (loads_at(at + SETTLED_AFTER) > AUX_WORDS - EDGE_WORDS) return 0;
    int count = 0;
    for (int64_t sample = start - 1; sample > now && count < 2; sample--) {
        const uint32_t room = edge_at(sample) ? AUX_WORDS - EDGE_WORDS : AUX_WORDS - 1, taken = loads_at(sample);
        for (uint32_t k = taken; k < room && count < 2; k++) found[count++] = sample;
    }
    return count == 2 && S.load_count + 2 <= MOST_LOADS && S.edge_count + p->phases + 2 <= MOST_EDGES;
}

/* A stimulator has one amplitude for each sign, which is loaded before the pulse. */
static int32_t amplitude(const pulse *p, int sign) {
    int32_t found = 0;
    for (uint32_t k = 0; k < p->phases; k++) {
        const int32_t level = p->levels[k] * sign;
        if (level <= 0) continue;
        if (found && found != level) return -1;
        found = level;
    }
    return found;
}

static void add_edge(int64_t sample, unsigned channel, int sign) {
    const edge e = {sample, (uint8_t)channel, (int8_t)sign};
    S.edges[S.edge_count++] = e;
}

static void plan(flight *f, const int64_t at[2]) {
    const pulse *p = &f->pulse;
    for (int k = 0; k < 2; k++) {
        const uint32_t level = (uint32_t)amplitude(p, k ? 1 : -1);
        const load l = {at[k], write_word((k ? POSITIVE : NEGATIVE) + f->channel, 128u << 8 | level, 0)};
        S.loads[S.load_count++] = l;
    }
    int64_t sample = f->start;
    for (uint32_t k = 0; k < p->phases; k++) {
        add_edge(sample, f->channel, p->levels[k] > 0 ? 1 : -1);
        sample += p->samples[k];
    }
    add_edge(sample, f->channel, 0);
    add_edge(sample + SETTLED_AFTER, f->channel, SEES);
}

static flight *room_to_fly(void) {
    for (int k = 0; k < MOST_FLYING; k++)
        if (!S.flights[k].used) return S.flights + k;
    return 0;
}

/* Let one pulse through, or say why not. */
static void judge(const train *t, unsigned channel, int64_t now) {
    static refusals found;
    int64_t at[2];
    flight *f = room_to_fly();
    if (!S.armed) {
        tell(t->at, channel, STIM_OUTCOME_REFUSED, "not armed", 0);
        return;
    }
    if (!f || !places(&t->pulse, t->at, now, at)) {
        tell(t->at, channel, STIM_OUTCOME_LATE, "", 0);
        return;
    }
    found.count = 0;
    judge_alone(&found, &t->pulse, channel);
    const int one_level = amplitude(&t->pulse, -1) >= 0 && amplitude(&t->pulse, 1) >= 0;
    if (found.count || !one_level || !guard_admit(&found, &S.guard, t->at, channel, &t->pulse)) {
        tell(t->at, channel, STIM_OUTCOME_REFUSED, RULE_TITLES[found.count ? found.found[0].rule : RULE_RANGE], 0);
        return;
    }
    f->used = 1, f->pulse = t->pulse, f->start = t->at, f->channel = (uint8_t)channel;
    plan(f, at);
}

/* The train whose next pulse comes first; of those at one sample the oldest. */
static train *first_train(void) {
    train *first = 0;
    for (int k = 0; k < TRAINS; k++) {
        train *t = S.trains + k;
        if (t->used && (!first || t->at < first->at || (t->at == first->at && t->age < first->age))) first = t;
    }
    return first;
}

void stim_admit(int64_t now, int64_t until) {
    for (train *t; (t = first_train()) && t->at < until;) {
        judge(t, t->list[t->channel], now);
        if (++t->channel < t->channels) continue;
        t->channel = 0, t->at += t->period;
        if (--t->left == 0) t->used = 0;
    }
}

/* --- what the sampling sequence asks -------------------------------------------------------------- */

int64_t stim_next_word(void) {
    int64_t first = NEVER;
    for (uint32_t k = 0; k < S.load_count; k++) first = S.loads[k].sample < first ? S.loads[k].sample : first;
    for (uint32_t k = 0; k < S.edge_count; k++) first = S.edges[k].sample < first ? S.edges[k].sample : first;
    return first;
}

static void turn(uint32_t bit, int sign) {
    if (sign == SEES) {
        S.settled &= ~bit;
        return;
    }
    S.on = sign ? S.on | bit : S.on & ~bit;
    S.polarity = sign > 0 ? S.polarity | bit : S.polarity & ~bit;
    S.settled |= bit;
}

/* The words for the period of a sample, the one that changes currents last, so that phases are whole periods long. */
uint32_t stim_words(int64_t sample, uint32_t *words) {
    uint32_t count = 0, kept = 0, changes = 0;
    const uint32_t before = S.settled;
    for (uint32_t k = 0; k < S.load_count; k++) {
        if (S.loads[k].sample != sample) S.loads[kept++] = S.loads[k];
        else words[count++] = S.loads[k].word;
    }
    S.load_count = kept, kept = 0;
    for (uint32_t k = 0; k < S.edge_count; k++) {
        if (S.edges[k].sample != sample) {
            S.edges[kept++] = S.edges[k];
            continue;
        }
        turn(1u << S.edges[k].channel, S.edges[k].sign);
        changes = 1;
    }
    S.edge_count = kept;
    if (!changes) return count;
    if (!count) words[count++] = ROM_WORD;
    words[count++] = S.settled != before ? write_word(SETTLE, S.settled, 0) : ROM_WORD;
    words[count++] = write_word(POLARITY, S.polarity, 0);
    words[count++] = write_word(ON, S.on, 1);
    return count;
}

/* --- dropping and ending -------------------------------------------------------------------------- */

/* Pulses that were not judged yet are told one a channel: a host may have asked for thousands. */
static void drop_waiting(void) {
    char text[32];
    for (unsigned channel = 0; channel < CHANNELS; channel++) {
        int64_t first = NEVER;
        uint32_t count = 0;
        for (int k = 0; k < TRAINS; k++) {
            const train *t = S.trains + k;
            for (int c = 0; t->used && c < t->channels; c++) {
                const uint32_t left = t->left - (c < t->channel);
                if (t->list[c] != channel || !left) continue;
                const int64_t at = t->at + (c < t->channel ? t->period : 0);
                first = at < first ? at : first, count += left;
            }
        }
        if (!count) continue;
        writer w = {(uint8_t *)text, (uint8_t *)text + sizeof text - 1, 0};
        if (count > 1) put_words(&w, "with "), put_unsigned(&w, count - 1), put_words(&w, " after it");
        *w.at = 0;
        tell(first, channel, STIM_OUTCOME_DROPPED, text, 0);
    }
    memset(S.trains, 0, sizeof S.trains);
}

void stim_cancel(int64_t now) {
    for (int k = 0; k < MOST_FLYING; k++) {
        flight *f = S.flights + k;
        if (!f->used || f->start < now) continue;
        const int64_t end = f->start + pulse_length(&f->pulse) + SETTLED_AFTER;
        uint32_t kept = 0;
        for (uint32_t e = 0; e < S.edge_count; e++)
            if (S.edges[e].channel != f->channel || S.edges[e].sample < f->start || S.edges[e].sample > end) S.edges[kept++] = S.edges[e];
        S.edge_count = kept;
        guard_withdraw(&S.guard, f->channel, &f->pulse);
        f->used = 0;
        tell(f->start, f->channel, STIM_OUTCOME_DROPPED, "", 0);
    }
    S.load_count = 0;
    drop_waiting();
}

void stim_finish(int64_t now) {
    for (int k = 0; k < MOST_FLYING; k++) {
        flight *f = S.flights + k;
        if (!f->used || f->start + (int64_t)pulse_length(&f->pulse) >= now) continue;
        f->used = 0;
        guard_over(&S.guard, f->channel);
        tell(f->start, f->channel, STIM_OUTCOME_DELIVERED, "", &f->pulse);
    }
}
