/* The chip behind its words: power-up, sampling period by period, stimulation, monitors. */
#include "rig.h"
#include "chip_words.h"
#include "port.h"
#include "stimulator.h"

#define MARKER (0xC0000000u | 251u << 16) /* a READ of ROM, and what it must return */
#define MARKED 0x494Eu
#define BLOCK 20   /* samples between two looks at the link, */
#define BLOCK_US 4000 /* the longest time between them where the chip is slow */
#define AHEAD_BY 120 /* and those that pulses are judged ahead: none is judged while a current is on */

rig_state RIG;
static int stimulated; /* since the monitors were read */
static int checking = 1;

static void send_all(const uint32_t *words, uint32_t count) {
    for (uint32_t k = 0; k < count; k++) port_transfer(words[k]);
}

/* --- starting ------------------------------------------------------------------------------------- */

void rig_boot(void) {
    static history forgotten; /* of a port whose memory is too small, which must not stimulate */
    const int kept = PORT.retained_bytes >= sizeof forgotten;
    memset(&RIG, 0, sizeof RIG);
    stim_boot(kept ? PORT.retained : (uint8_t *)&forgotten);
    RIG.clock = stim_guard()->region->clock;
    RIG.stimulates = PORT.has_chip && kept;
    stimulated = 0, checking = 1;
}

static unsigned identify(void) {
    static const uint8_t registers[4] = {251, 252, 253, 255};
    static const uint16_t known[4] = {0x494E, 0x5441, 0x4E00, 32};
    for (int k = 0; k < 4; k++) {
        port_transfer(0xC0000000u | (uint32_t)registers[k] << 16);
        port_transfer(MARKER);
        if ((port_transfer(MARKER) & 0xFFFF) != known[k]) return SAY_OTHER_CHIP;
    }
    return 0;
}

unsigned rig_start(void) {
    uint32_t words[8];
    if (!RIG.stimulates) return 0;
    send_all(RHS_POWER_UP, sizeof RHS_POWER_UP / sizeof *RHS_POWER_UP);
    unsigned why = identify();
    send_all(words, stim_armed() ? stim_arm(words) : stim_disarm(words));
    return why;
}

answer rig_limits(const uint8_t *data, uint32_t size) {
    static limits_table made;
    static refusals found;
    if (!RIG.stimulates) return refused(REFUSAL_UNABLE, "limits", SAY_NO_CHIP);
    unsigned why = limits_read(&made, data, size);
    if (why) return refused(REFUSAL_BAD_LIMITS, "", why);
    found.count = 0;
    limits_over(&found, &made, stim_own());
    if (found.count) return refused_value(REFUSAL_BAD_LIMITS, RULE_TITLES[RULE_CEILING], SAY_LOOSE_TABLE, found.found[0].value, found.found[0].limit);
    STIM_TABLE = made;
    return accepted(0);
}

void rig_arm(void) {
    uint32_t words[8];
    send_all(words, stim_arm(words));
}

double rig_wait(void) { return guard_wait(stim_guard()); }
void rig_forget(void) { guard_forget(stim_guard()); }
answer rig_stimulate(reader *r) { return stim_request(r, RIG.clock); }
int rig_due(void) { return RIG.stimulates && (RIG.waiting = stim_waiting(), RIG.waiting || stimulated || stim_next_word() != INT64_MAX); }

/* --- one period ----------------------------------------------------------------------------------- */

static void raw_sample(const uint16_t *codes);

/* All channels and up to four other words; the results of the first two of those come within the period. */
static unsigned period(const uint32_t *aux, uint32_t count, uint32_t results[2]) {
    uint16_t codes[RIG_CHANNELS];
    for (uint32_t k = 0; k < PERIOD_WORDS; k++) {
        const uint32_t word = k < RIG_CHANNELS ? k << 16 : k - RIG_CHANNELS < count ? aux[k - RIG_CHANNELS] : MARKER;
        const uint32_t answer = port_transfer(word);
        if (k < 2) continue;
        if (k - 2 < RIG_CHANNELS) codes[k - 2] = (uint16_t)(answer >> 16);
        else results[k - 2 - RIG_CHANNELS] = answer;
    }
    raw_sample(codes);
    return checking && !count && (results[0] & 0xFFFF) != MARKED ? SAY_OUT_OF_STEP : 0;
}

/* One sample: the stimulator's words where there are any, else the monitors where something stimulated, else markers. */
static unsigned one_sample(void) {
    uint32_t aux[AUX_WORDS], results[2] = {0, 0}, count = 0;
    static const uint32_t monitors[3] = {0xC0000000u | 40u << 16, 0xC0000000u | 50u << 16, 0xC0000000u | 1u << 28 | 255u << 16};
    unsigned why;
    if (stim_next_word() <= RIG.clock) {
        count = stim_words(RIG.clock, aux);
        stimulated = 1;
        why = period(aux, count, results);
    } else if (stimulated && RIG.clock % BLOCK == 0) {
        why = period(monitors, 3, results);
        RIG.compliance |= results[0] & 0xFFFF, RIG.leaking |= results[1] & 0xFFFF;
        stimulated = 0;
    } else why = period(0, 0, results);
    RIG.clock += 1;
    return why;
}

/* --- telemetry of samples ------------------------------------------------------------------------- */

static uint8_t scans[LINK_MAX_PAYLOAD];
static uint32_t scan_bytes;
static int64_t first_scan;

static void flush_scans(void) {
    writer w;
    if (scan_bytes && telemetry_begin(STREAM_RAW, &w)) {
        put_u64(&w, (uint64_t)first_scan), put_u16(&w, LINK.raw_count), put_bytes(&w, scans, scan_bytes);
        telemetry_end(STREAM_RAW, &w);
    }
    scan_bytes = 0;
}

static void raw_sample(const uint16_t *codes) {
    if (!LINK.raw_count || !link_wants(STREAM_RAW)) {
        scan_bytes = 0;
        return;
    }
    if (!scan_bytes) first_scan = RIG.clock;
    for (uint32_t k = 0; k < LINK.raw_count; k++) {
        const uint16_t value = (uint16_t)(codes[LINK.raw_channels[k]] - 32768);
        scans[scan_bytes++] = (uint8_t)value, scans[scan_bytes++] = (uint8_t)(value >> 8);
    }
    if (scan_bytes + 2u * LINK.raw_count + 10 > sizeof scans) flush_scans();
}

/* --- time ----------------------------------------------------------------------------------------- */

/* While a current is on, samples begin a tick apart, so that phases last as long in time as in samples. */
static void wait_for_turn(void) {
    static uint64_t begun;
    const uint64_t due = begun + RIG_TICK_US;
    const int on = stim_on();
    uint64_t now = port_microseconds();
    while (on && now < due) now = port_microseconds();
    begun = on && now < due + RIG_TICK_US ? due : now;
}

/* Whether the link waits: for a current that is on where samples keep their time; else for BLOCK_US at most. */
static int go_on(int64_t until, uint64_t began) {
    if (PORT.in_time && stim_on()) return 1;
    return RIG.clock < until && port_microseconds() - began < BLOCK_US;
}

/* Without a host no further current is turned on. */
unsigned rig_run(int64_t until) {
    unsigned why = 0;
    const uint64_t began = port_microseconds();
    if (until > RIG.clock + BLOCK) until = RIG.clock + BLOCK;
    stim_admit(RIG.clock, RIG.clock + AHEAD_BY);
    while (!why && go_on(until, began)) {
        if (!stim_on() && link_silent(port_microseconds())) stim_cancel(RIG.clock);
        wait_for_turn();
        why = one_sample();
    }
    stim_finish(RIG.clock);
    guard_tick(stim_guard(), RIG.clock);
    RIG.waiting = stim_waiting();
    return why;
}

void rig_skip(int64_t until) {
    if (until > RIG.clock) RIG.clock = until;
    guard_tick(stim_guard(), RIG.clock);
}

void rig_settle(void) {
    if (!RIG.stimulates) return;
    stim_cancel(RIG.clock);
    checking = 0; /* whatever the chip says by now, it must be told to stop */
    while (stim_next_word() != INT64_MAX || stimulated) rig_run(RIG.clock + BLOCK);
    checking = 1;
    RIG.waiting = 0;
}

void rig_disarm(void) {
    uint32_t words[8];
    if (!RIG.stimulates || !stim_armed()) return;
    rig_settle();
    send_all(words, stim_disarm(words));
}

/* --- what the link tells -------------------------------------------------------------------------- */

void rig_ceilings(writer *w) {
    const bio_limits *l = &DEFAULT_LIMITS;
    const int there = RIG.stimulates;
    const double values[9] = {l->max_current, l->max_charge, l->unknown_density, l->shannon_k, l->min_width, l->max_width, l->net_fraction, l->max_rate, l->max_duty};
    for (int k = 0; k < 9; k++) put_f64(w, there ? values[k] : 0.0);
    put_u16(w, there ? (unsigned)l->max_simultaneous : 0);
    put_f64(w, there ? l->max_total_current : 0.0), put_f64(w, there ? l->min_gap : 0.0);
    put_f64(w, there ? stim_own()->electrodes[0].area : 0.0);
}
