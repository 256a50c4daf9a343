/* The board: states, requests, and the loop. */
#include "board.h"
#include "link.h"
#include "port.h"
#include "result.h"
#include "rig.h"
#include "serve.h"
#include "version.h"

#define STATUS_EVERY_US 100000
#define SLICE_US 4000 /* a slice of a run is made about so long, so that what it brings is told */
#define SERVE_US 2000 /* between two looks at everything else, where a computation takes longer */
#define WORK 64       /* of `serve`, between two looks at the clock */
#define MOST_MOVES 8  /* of bytes of the line in one turn, in each direction, whatever comes */
#define LIMITS_BYTES 1024
#define ELECTRODES_BYTES 2048
#define MOST_RUN_PARAMETERS 16
#define CHIP_NAME "rhs2116"

static struct {
    uint8_t armed, fault, running, interrupted, restart, have_program;
    uint8_t computing, serving; /* in a run; beside a computation */
    uint8_t limits[LIMITS_BYTES], electrodes[ELECTRODES_BYTES];
    uint8_t program_sha256[32];
    bbc_program program;
    machine run;
    uint32_t run_number, kept_run;
    result kept;
    uint64_t next_status, time_base, slice_began, served;
    int32_t work_left;
    int64_t clock_base;
    uint32_t told_energies, told_spikes;
} B;

static uint64_t now_us;

static uint8_t *program_room(void) { return PORT.memory; }
static uint32_t program_most(void) { return PORT.bytes / 2 / 64 * 64; }

/* --- time ----------------------------------------------------------------------------------------- */

/* The sample that belongs to this moment; while a chip is driven, samples follow the time of day. */
static int64_t target(void) { return B.clock_base + (int64_t)((now_us - B.time_base) / RIG_TICK_US); }

static void anchor(void) { B.clock_base = RIG.clock, B.time_base = now_us; }

uint64_t board_clock(void) {
    const int64_t clock = target();
    return (uint64_t)(clock > RIG.clock ? clock : RIG.clock);
}

unsigned board_state(void) {
    if (B.fault) return STATE_FAULT;
    if (B.running) return STATE_RUNNING;
    return B.armed ? STATE_ARMED : STATE_DISARMED;
}

/* --- telling -------------------------------------------------------------------------------------- */

static void log_line(unsigned level, unsigned said) {
    writer w;
    if (!telemetry_begin(STREAM_LOG, &w)) return;
    put_u64(&w, board_clock()), put_u8(&w, level), put_text(&w, said_text(said).characters);
    telemetry_end(STREAM_LOG, &w);
}

static void tell_status(void) {
    writer w;
    if (!telemetry_begin(STREAM_STATUS, &w)) return;
    const machine *m = &B.run;
    put_u64(&w, board_clock()), put_u8(&w, board_state()), put_u8(&w, B.fault);
    put_u32(&w, RIG.waiting), put_u32(&w, 0), put_u32(&w, LINK.in.errors);
    put_u8(&w, STREAM_COUNT);
    for (int k = 0; k < STREAM_COUNT; k++) put_u32(&w, LINK.dropped[k]);
    put_f32(&w, __builtin_nanf("")), put_f32(&w, __builtin_nanf(""));
    put_u64(&w, RIG.compliance);
    put_u32(&w, B.running ? B.run_number : 0);
    put_u64(&w, B.running ? (uint64_t)m->ctx[CTX_STEP] : 0), put_u64(&w, B.running ? (uint64_t)m->ctx[CTX_RUN_END] : 0);
    put_f64(&w, B.running ? machine_best(&B.run) : __builtin_nan(""));
    telemetry_end(STREAM_STATUS, &w);
}

#define ENERGIES ((LINK_MAX_PAYLOAD - 10) / 8)
#define SPIKES ((LINK_MAX_PAYLOAD - 8) / 6)

static void tell_energies(void) {
    const uint32_t entries = B.run.trace.bytes / 8;
    writer w;
    while (B.told_energies < entries && telemetry_begin(STREAM_ENERGY, &w)) {
        const uint32_t left = entries - B.told_energies, some = left < ENERGIES ? left : ENERGIES;
        put_u64(&w, B.told_energies), put_u16(&w, 0);
        for (uint32_t k = 0; k < some; k++) {
            double energy;
            stream_read(&B.run.trace, (B.told_energies + k) * 8, &energy, 8);
            put_f64(&w, energy);
        }
        telemetry_end(STREAM_ENERGY, &w);
        B.told_energies += some;
        serve(WORK);
    }
}

/* Ticks of a spike after the run's beginning; a twin's spikes are in its own time. */
static uint64_t tick_of(uint32_t spike) {
    int64_t step;
    stream_read(&B.run.spike_steps, spike * 8, &step, 8);
    return (uint64_t)((double)step * B.run.real[REAL_DT] * RIG_RATE);
}

static void tell_spikes(void) {
    const uint32_t spikes = B.run.spike_ids.bytes / 8;
    writer w;
    while (B.told_spikes < spikes && telemetry_begin(STREAM_SPIKES, &w)) {
        const uint64_t base = tick_of(B.told_spikes);
        put_u64(&w, (uint64_t)RIG.clock + base);
        for (int k = 0; k < (int)SPIKES && B.told_spikes < spikes && tick_of(B.told_spikes) - base <= 0xffff; k++, B.told_spikes++) {
            int64_t neuron;
            stream_read(&B.run.spike_ids, B.told_spikes * 8, &neuron, 8);
            put_u16(&w, (unsigned)(tick_of(B.told_spikes) - base)), put_u16(&w, (unsigned)neuron), put_u16(&w, 0);
        }
        telemetry_end(STREAM_SPIKES, &w);
        serve(WORK);
    }
}

/* --- runs ----------------------------------------------------------------------------------------- */

static const char *const STATUS_WORDS[] = {"finished", "out of fuel", "interrupted", "failed"};

static void tell_end(unsigned status, const flaw *fault) {
    static const uint8_t none[32];
    writer w;
    if (!event_begin(MSG_RUNENDED, &w)) return;
    put_u32(&w, B.run_number), put_u8(&w, status), put_u64(&w, (uint64_t)B.run.ctx[CTX_STEP]);
    put_u32(&w, B.kept_run ? B.kept.total : 0), put_bytes(&w, B.kept_run ? B.kept.sha256 : none, 32);
    put_u32(&w, fault->said ? fault->place : LINK_NOWHERE);
    put_text(&w, said_code(fault->said).characters), put_text(&w, said_text(fault->said).characters);
    event_end(&w);
}

static void end_run(unsigned status) {
    const flaw *fault = &B.run.fault;
    const result_about about = {STATUS_WORDS[status], fault->said, CHIP_NAME, FIRMWARE_VERSION, B.program_sha256};
    B.computing = 1;
    tell_energies(), tell_spikes();
    B.kept_run = result_make(&B.kept, &B.run, &about) ? B.run_number : 0;
    B.running = B.computing = 0;
    if (!B.kept_run) {
        static const flaw none_made = {SAY_RESULT_MEMORY, 0, LINK_NOWHERE};
        tell_end(RUN_STATUS_FAILED, fault->said ? fault : &none_made);
    } else tell_end(status, fault);
    rig_skip(target());
    tell_status();
}

static void go_on(void) {
    B.computing = 1, B.slice_began = port_microseconds();
    const int status = machine_slice(&B.run, INT64_MAX);
    tell_energies(), tell_spikes();
    B.computing = 0;
    if (status == STATUS_HALT) end_run(RUN_STATUS_FINISHED);
    else if (status == STATUS_FUEL) end_run(RUN_STATUS_OUT_OF_FUEL);
    else if (status == STATUS_FAULT) end_run(RUN_STATUS_FAILED);
}

static answer unreadable(const flaw *why) {
    static said code;
    code = said_code(why->said);
    const answer a = refused(said_beyond(why->said) ? REFUSAL_UNABLE : REFUSAL_BAD_PROGRAM, why->subject ? why->subject : code.characters, why->said);
    ANSWER.place = why->place;
    return a;
}

static answer wrong_state(unsigned said) {
    static const uint8_t faults[] = {[FAULT_ESTOP] = SAY_IN_ESTOP, [FAULT_COMPLIANCE] = SAY_IN_COMPLIANCE, [FAULT_CHIP] = SAY_IN_CHIP};
    return refused(REFUSAL_STATE, "state", B.fault < sizeof faults && faults[B.fault] ? faults[B.fault] : said);
}

static answer start_run(reader *r) {
    static machine_parameter given[MOST_RUN_PARAMETERS];
    static char names[MOST_RUN_PARAMETERS][64];
    const uint32_t number = (uint32_t)take_number(r, 4);
    const uint8_t *digest = take_bytes(r, 32);
    const unsigned substrate = (unsigned)take_number(r, 1);
    const uint64_t seed = take_number(r, 8);
    const unsigned lanes = (unsigned)take_number(r, 2);
    const uint64_t fuel = take_number(r, 8), start = take_number(r, 8);
    const unsigned count = (unsigned)take_number(r, 1);
    uint32_t kept = 0;
    for (unsigned k = 0; k < count && !r->bad; k++) {
        const uint32_t size = (uint32_t)take_number(r, 1);
        const uint8_t *name = take_bytes(r, size);
        const double value = take_f64(r);
        if (r->bad || kept == MOST_RUN_PARAMETERS || size >= sizeof *names) continue;
        memcpy(names[kept], name, size), names[kept][size] = 0;
        given[kept].name = names[kept], given[kept].value = value;
        kept += 1;
    }
    if (!all_taken(r)) return malformed();
    if (board_state() != STATE_DISARMED && board_state() != STATE_ARMED) return wrong_state(SAY_RUNNING);
    if (!B.have_program || memcmp(digest, B.program_sha256, 32)) return refused(REFUSAL_NOT_LOADED, "program", SAY_OTHER_PROGRAM);
    if (start) return refused(REFUSAL_UNABLE, "start", SAY_LATER_START);
    if (substrate != SUBSTRATE_TWIN) return refused(REFUSAL_UNABLE, "substrate", SAY_SUBSTRATE);
    if (kept != count) return refused_count(REFUSAL_TOO_LARGE, "parameters", SAY_MANY_PARAMETERS, count, MOST_RUN_PARAMETERS);
    if (lanes != 1) return refused_count(lanes ? REFUSAL_TOO_LARGE : REFUSAL_MALFORMED, "lanes", SAY_LANES, lanes, 1);
    rig_settle(); /* nothing serves the stimulator while the processor computes */
    B.kept_run = 0, LINK.sending = 0; /* its memory is used again */
    uint8_t *low = PORT.memory + program_most();
    const int fine = machine_begin(&B.run, &B.program, low, PORT.memory + PORT.bytes / 8 * 8, seed, fuel, given, kept);
    if (!fine) return unreadable(&B.run.fault);
    B.running = 1, B.interrupted = 0, B.run_number = number, B.told_energies = B.told_spikes = 0;
    B.next_status = now_us;
    anchor();
    return accepted((uint64_t)RIG.clock);
}

/* --- uploads -------------------------------------------------------------------------------------- */

answer board_may_upload(unsigned kind, uint32_t total) {
    const uint32_t most = kind == KIND_PROGRAM ? program_most() : kind == KIND_LIMITS ? LIMITS_BYTES : ELECTRODES_BYTES;
    if (total > most) return refused_count(REFUSAL_TOO_LARGE, "upload", SAY_UPLOAD_SIZE, total, most);
    if (kind == KIND_PROGRAM) B.have_program = 0; /* what comes is written over it */
    return accepted(0);
}

uint8_t *board_upload_room(unsigned kind) { return kind == KIND_PROGRAM ? program_room() : kind == KIND_LIMITS ? B.limits : B.electrodes; }

static answer take_electrodes(const uint8_t *data, uint32_t size) {
    reader r = {data, data + size, 0};
    uint32_t seen = 0, highest = 0;
    int fine = !memcmp(take_bytes(&r, 4), "BEM1", 4);
    for (uint32_t neurons = (uint32_t)take_number(&r, 2); neurons-- > 0 && fine && !r.bad;) {
        uint32_t channels = (uint32_t)take_number(&r, 1);
        fine = channels > 0;
        while (channels-- > 0 && fine && !r.bad) {
            const uint32_t channel = (uint32_t)take_number(&r, 2);
            highest = channel > highest ? channel : highest;
            if (channel >= RIG_CHANNELS) continue;
            fine = !(seen >> channel & 1);
            seen |= 1u << channel;
        }
    }
    if (!fine || !all_taken(&r)) return refused(REFUSAL_BAD_ELECTRODES, "", SAY_ELECTRODES);
    if (highest >= RIG_CHANNELS) return refused_count(REFUSAL_BAD_ELECTRODES, "channel", SAY_NO_CHANNEL, highest, RIG_CHANNELS - 1);
    return accepted(0);
}

answer board_uploaded(unsigned kind, const uint8_t *data, uint32_t size, const uint8_t *digest) {
    flaw why;
    if (kind == KIND_LIMITS) return rig_limits(data, size);
    if (kind == KIND_ELECTRODES) return take_electrodes(data, size);
    LINK.checking = 1;
    const int fine = bbc_open(&B.program, data, size, &why);
    LINK.checking = 0;
    if (!fine) return unreadable(&why);
    memcpy(B.program_sha256, digest, 32);
    B.have_program = 1;
    return accepted(0);
}

uint32_t board_result(uint32_t *run, const uint8_t **digest) {
    *run = B.kept_run, *digest = B.kept.sha256;
    return B.kept_run ? B.kept.total : 0;
}

uint32_t board_result_read(uint32_t at, uint8_t *to, uint32_t count) { return B.kept_run ? result_read(&B.kept, at, to, count) : 0; }

/* --- stopping ------------------------------------------------------------------------------------- */

/* Stimulation ends at once, and a run when its step is complete. */
void board_stop(void) {
    B.armed = 0;
    rig_disarm();
    B.interrupted = 1;
}

void board_fail(unsigned reason, uint32_t channels, unsigned said) {
    const int doubtful = reason == FAULT_COMPLIANCE || (reason != FAULT_ESTOP && B.armed);
    writer w;
    B.fault = (uint8_t)reason;
    board_stop();
    if (doubtful) rig_forget();
    log_line(LOG_LEVEL_ERROR, said);
    if (!event_begin(MSG_FAULTED, &w)) return;
    put_u8(&w, reason), put_u64(&w, board_clock());
    unsigned count = 0;
    for (int k = 0; k < RIG_CHANNELS; k++) count += channels >> k & 1;
    put_u8(&w, count);
    for (unsigned k = 0; k < RIG_CHANNELS; k++)
        if (channels >> k & 1) put_u16(&w, k);
    put_text(&w, said_text(said).characters);
    event_end(&w);
}

void board_estop(void) {
    if (!B.fault) board_fail(FAULT_ESTOP, 0, SAY_ESTOP);
}

void board_reset(void) {
    board_stop();
    B.restart = 1;
}

void board_host_lost(unsigned why) {
    log_line(LOG_LEVEL_WARNING, why);
    board_stop();
}

/* --- requests ------------------------------------------------------------------------------------- */

static answer arm(reader *r) {
    const uint8_t *digest = take_bytes(r, 32);
    take_number(r, 2);
    if (!all_taken(r)) return malformed();
    if (board_state() != STATE_DISARMED) return wrong_state(SAY_ARM_STATE);
    if (!RIG.stimulates) return refused(REFUSAL_UNABLE, "arm", SAY_NO_CHIP);
    if (!LINK.uploads[KIND_LIMITS].loaded || memcmp(LINK.uploads[KIND_LIMITS].loaded_sha256, digest, 32))
        return refused(REFUSAL_NOT_LOADED, "limits", SAY_OTHER_LIMITS);
    const double wait = rig_wait();
    if (wait > 0.0) return refused_value(REFUSAL_UNSAFE, RULE_TITLES[RULE_DISCHARGE], SAY_DISCHARGING, wait, 0.0);
    rig_arm();
    B.armed = 1;
    return accepted(board_clock());
}

static answer clear_fault(void) {
    if (!B.fault) return wrong_state(SAY_NO_FAULT);
    const unsigned why = rig_start();
    if (why) return refused(REFUSAL_STATE, "chip", why);
    B.fault = 0, RIG.compliance = RIG.leaking = 0;
    return accepted(board_clock());
}

static answer subscribe(reader *r) {
    take_number(r, 2);
    uint32_t seen = 0, highest = 0, count = (uint32_t)take_number(r, 1);
    int twice = 0;
    for (uint32_t k = 0; k < count && !r->bad; k++) {
        const uint32_t channel = (uint32_t)take_number(r, 2);
        highest = channel > highest ? channel : highest;
        if (channel >= RIG_CHANNELS) continue;
        twice |= seen >> channel & 1;
        seen |= 1u << channel;
    }
    if (!all_taken(r)) return malformed();
    if (twice || highest >= RIG_CHANNELS) return refused_count(REFUSAL_UNABLE, "channel", SAY_RAW_CHANNELS, highest, RIG_CHANNELS - 1);
    if (count && !RIG.stimulates) return refused(REFUSAL_UNABLE, "channel", SAY_NO_CHIP);
    return accepted(board_clock());
}

answer board_request(unsigned type, reader *r) {
    if (type == MSG_RUN) return start_run(r);
    if (type == MSG_ARM) return arm(r);
    if (type == MSG_SUBSCRIBE) return subscribe(r);
    if (type == MSG_STIMULATE) {
        if (!B.armed || (board_state() != STATE_ARMED && board_state() != STATE_RUNNING)) return wrong_state(SAY_NOT_ARMED);
        if (B.running) return refused(REFUSAL_STATE, "substrate", SAY_TWIN_RUNS);
        return rig_stimulate(r);
    }
    if (!all_taken(r)) return malformed();
    if (type == MSG_CLEARFAULT) return clear_fault();
    if (type == MSG_DISARM) {
        if (B.fault) return wrong_state(0);
        board_stop();
        return accepted(board_clock());
    }
    if (!B.running) return wrong_state(SAY_NO_RUN);
    B.interrupted = 1;
    return accepted(board_clock());
}

/* --- what the board is ---------------------------------------------------------------------------- */

void board_capabilities(writer *w) {
    put_text(w, "bioasm-firmware"), put_text(w, FIRMWARE_VERSION), put_text(w, PORT.uid);
    put_u32(w, RIG_RATE), put_f64(w, RIG_RATE), put_u16(w, ISA_VERSION), put_bytes(w, ISA_HASH, 32);
    put_u8(w, RIG.stimulates);
    if (RIG.stimulates) put_text(w, CHIP_NAME), put_u16(w, RIG_CHANNELS);
    put_u16(w, RIG.stimulates ? RIG_CHANNELS : 0);
    put_u32(w, (RIG.stimulates ? CAPABILITY_STIMULATE | CAPABILITY_RAW : 0) | (PORT.simulated ? CAPABILITY_SIMULATED : 0));
    put_u8(w, SUBSTRATE_TWIN);
    put_u8(w, BIO_MODEL_COUNT);
    for (uint32_t k = 0; k < BIO_MODEL_COUNT; k++) put_text(w, BIO_MODELS[k]->name);
    unsigned count = 0;
    for (int k = 0; k < ABILITY_COUNT; k++) count += ABILITIES_KNOWN >> k & 1;
    put_u8(w, count);
    for (int k = 0; k < ABILITY_COUNT; k++)
        if (ABILITIES_KNOWN >> k & 1) put_text(w, ABILITY_NAMES[k]);
    put_u32(w, MOST_NEURONS), put_u16(w, 1), put_u32(w, program_most());
    put_u16(w, LINK_MAX_PAYLOAD), put_u8(w, AHEAD), put_u32(w, 4096), put_u32(w, PORT.line_rate);
    put_u32(w, RIG.stimulates ? 50 : 0), put_u32(w, 1000000000 / RIG_RATE);
    rig_ceilings(w);
}

/* --- the loop ------------------------------------------------------------------------------------- */

void board_start(void) {
    memset(&B, 0, sizeof B);
    now_us = port_microseconds();
    rig_boot();
    link_start(port_boot(), PORT.line_rate);
    anchor();
    const unsigned why = rig_start();
    if (why) board_fail(FAULT_CHIP, 0, why);
}

int board_restart_wanted(void) { return B.restart; }

static void check_monitors(void) {
    if (B.fault) return;
    if (RIG.compliance) board_fail(FAULT_COMPLIANCE, RIG.compliance, SAY_COMPLIANCE);
    else if (RIG.leaking) board_fail(FAULT_CHIP, RIG.leaking, SAY_LEAKING);
}

/* Nothing runs: time passes, and the chip is driven where a pulse waits or somebody looks. */
static void idle(void) {
    const int64_t until = target();
    if (!rig_due() && !(LINK.raw_count && link_wants(STREAM_RAW))) {
        rig_skip(until);
        return;
    }
    const unsigned why = rig_run(until);
    if (why) board_fail(FAULT_CHIP, 0, why);
}

/* What a byte asks for may have the line served before it is done: then the next bytes are taken there. */
static void read_line(void) {
    static uint8_t in[256];
    static uint32_t at, end;
    for (int k = 0; k < MOST_MOVES; k++) {
        now_us = port_microseconds();
        link_watch(now_us);
        if (at == end) at = 0, end = port_read(in, sizeof in);
        if (at == end) return;
        while (at < end) link_receive(in[at++], now_us);
    }
}

static void write_line(void) {
    static uint8_t out[512];
    static uint32_t at, end;
    now_us = port_microseconds();
    for (int k = 0; k < MOST_MOVES; k++) {
        if (at == end) at = 0, end = link_poll(out, sizeof out, now_us);
        const uint32_t taken = end ? port_write(out + at, end - at) : 0;
        at += taken;
        if (!taken) return;
    }
}

/* Everything but a run. */
static void look_after_all(void) {
    port_watchdog();
    B.served = port_microseconds();
    read_line();
    if (B.running && B.interrupted && !B.computing) end_run(RUN_STATUS_INTERRUPTED);
    write_line();
    if (!B.running) idle();
    check_monitors();
    if (now_us >= B.next_status) {
        B.next_status = now_us + STATUS_EVERY_US;
        tell_status();
    }
}

/* Only runs and checks are left for a moment: nothing that drives the chip, whose arithmetic may call this too. */
void serve(uint32_t work) {
    B.work_left -= (int32_t)work;
    if (B.work_left > 0) return;
    B.work_left = WORK;
    const uint64_t now = port_microseconds();
    B.run.late = B.interrupted || now - B.slice_began >= SLICE_US;
    if (B.serving || !(B.computing || LINK.checking) || now - B.served < SERVE_US) return;
    B.serving = 1;
    look_after_all();
    B.serving = 0;
}

int board_turn(void) {
    look_after_all();
    if (B.running) go_on();
    return B.running;
}
