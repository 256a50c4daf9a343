/* The machine: the loop over instructions, runs of the dynamics, and what registers read. */
#include "machine.h"
#include "tables.h"
#include "arithmetic.h"
#include "instructions.h"
#include "serve.h"

#define MOST_STEPS (INT64_C(1) << 24)
#define WHOLE_STEP 1e-4 /* a time this close to a step boundary, in steps, is that boundary */
#define NO_NUMBER (__builtin_nan(""))

void machine_fault(machine *m, unsigned said) {
    m->fault.said = (uint8_t)said, m->fault.subject = 0;
    m->fault.place = (uint32_t)m->ctx[CTX_PC];
}

/* --- the dynamics --------------------------------------------------------------------------------- */

static int64_t kernel(machine *m, int64_t what) {
    if (!m->model->spins) return m->model->kernel(m->ctx, m->real, what);
    return (m->whole ? dynamics_ising_whole : dynamics_ising_real)(m->ctx, m->real, what);
}

void machine_refresh(machine *m) {
    if (m->allocated) kernel(m, DYN_REFRESH);
}

static double *energies(machine *m) { return (double *)(intptr_t)m->ctx[CTX_ENERGY_AT]; }
static double *best_energies(machine *m) { return (double *)(intptr_t)m->ctx[CTX_BEST_ENERGY_AT]; }

double machine_best(machine *m) {
    if (!m->allocated) return NO_NUMBER;
    const double best = *best_energies(m);
    return best < INFINITE ? best + m->real[REAL_OFFSET] : NO_NUMBER;
}

double machine_variable(machine *m, int64_t what, int16_t variable, uint32_t neuron) {
    m->ctx[CTX_PEEKED_VARIABLE] = variable, m->ctx[CTX_PEEKED_NEURON] = neuron;
    kernel(m, what);
    return m->real[REAL_PEEKED];
}

void machine_variables(machine *m, int16_t variable, double *to) {
    for (uint32_t k = 0; k < m->n; serve(1), k++) to[k] = machine_variable(m, k ? DYN_PEEK_NEXT : DYN_PEEK_MEAN, variable, k);
}

/* Move what a slice brought to where the result is kept. */
int machine_drain(machine *m) {
    int64_t *b = m->block;
    int fine = stream_add(&m->memory, &m->trace, (void *)(intptr_t)b[BLOCK_TRACE_AT], (uint32_t)(8 * b[BLOCK_TRACE]));
    fine = fine && stream_add(&m->memory, &m->spike_steps, (void *)(intptr_t)b[BLOCK_SPIKE_STEP_AT], (uint32_t)(8 * b[BLOCK_SPIKES]));
    fine = fine && stream_add(&m->memory, &m->spike_ids, (void *)(intptr_t)b[BLOCK_SPIKE_ID_AT], (uint32_t)(8 * b[BLOCK_SPIKES]));
    b[BLOCK_TRACE] = b[BLOCK_SPIKES] = 0;
    return fine ? 1 : machine_wrong(m, SAY_TRACE_MEMORY);
}

/* What a step asked for; where nothing can be moved, it would ask for ever. */
static int make_room(machine *m) {
    if (!m->block[BLOCK_TRACE] && !m->block[BLOCK_SPIKES]) return machine_wrong(m, SAY_STEP_MEMORY);
    return machine_drain(m);
}

static int check_finite(machine *m) {
    if (!m->allocated) return 1;
    if (m->model->spins) return is_finite(*energies(m)) ? 1 : machine_wrong(m, SAY_ENERGY_INFINITE);
    for (uint32_t s = 0; s < m->model->state_count; s++) {
        const double *cells = (const double *)(const void *)m->fields[m->model->states[s].field];
        for (uint32_t k = 0; k < m->n; k++)
            if (!is_finite(cells[k])) return machine_wrong(m, SAY_STATE_INFINITE);
    }
    return 1;
}

/* --- runs ----------------------------------------------------------------------------------------- */

static int64_t end_of_run(double clock, double dt) {
    const double nearest = floor_of(clock / dt + 0.5), off = nearest * dt - clock;
    if ((off < 0 ? -off : off) / dt <= WHOLE_STEP) return (int64_t)nearest;
    return (int64_t)ceil_of(clock / dt);
}

static int begin_run(machine *m, double duration) {
    int64_t *c = m->ctx;
    if (!m->allocated) return machine_wrong(m, SAY_BEFORE_ALC);
    if (c[CTX_DIRTY]) kernel(m, DYN_REFRESH);
    if (!(duration >= 0.0 && duration < INFINITE)) return machine_wrong(m, SAY_DURATION);
    const double clock = m->real[REAL_CLOCK] + duration;
    if (clock / m->real[REAL_DT] > (double)c[CTX_MAX_STEPS]) return machine_wrong(m, SAY_MANY_STEPS);
    m->real[REAL_CLOCK] = clock;
    const int64_t end = end_of_run(clock, m->real[REAL_DT]);
    c[CTX_RUN_END] = end > c[CTX_STEP] ? end : c[CTX_STEP];
    c[CTX_RUNNING] = 1, m->pace = 1;
    return 1;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* A piece of the present run; DONE where the run is at its end. Pieces grow until one takes longer than a slice. */
static int go_on(machine *m) {
    int64_t *c = m->ctx;
    if (c[CTX_TARGET] <= c[CTX_STEP])
        c[CTX_TARGET] = c[CTX_STEP] + least(c[CTX_RUN_END] - c[CTX_STEP], least(least(c[CTX_BUDGET], c[CTX_FUEL]), m->pace));
    if (m->block[BLOCK_STEP] < c[CTX_TARGET]) {
        const int64_t status = kernel(m, 0);
        if (status != STATUS_DONE) return (int)status;
    }
    m->pace = m->late ? (m->pace + 1) / 2 : least(2 * m->pace, MOST_STEPS);
    const int64_t done = c[CTX_TARGET] - c[CTX_STEP];
    c[CTX_BUDGET] -= done, c[CTX_FUEL] -= done, c[CTX_STEP] = c[CTX_TARGET];
    if (c[CTX_STEP] < c[CTX_RUN_END]) return c[CTX_FUEL] <= 0 ? STATUS_FUEL : STATUS_SLICE;
    c[CTX_RUNNING] = 0;
    c[CTX_PC] += 1;
    return STATUS_DONE;
}

/* --- registers ------------------------------------------------------------------------------------ */

double machine_value(const machine *m, const bbc_word *w, int at) {
    const uint32_t value = w->value[at];
    return bbc_tag(w, at) == BBC_TAG_REGISTER ? m->registers[value] : bbc_constant(m->program, value);
}

static double spikes_so_far(const machine *m) {
    const int64_t *count = (const int64_t *)(intptr_t)m->ctx[CTX_SPIKE_COUNT_AT];
    int64_t total = 0;
    for (uint32_t k = 0; m->model->spikes && k < m->n; k++) total += count[k];
    return (double)total;
}

int machine_scalar(machine *m, uint32_t name, double *to) {
    const bbc_strings *words = &m->program->names;
    const int64_t *c = m->ctx;
    if (bbc_is(words, name, "energy")) {
        kernel(m, DYN_REFRESH);
        *to = *energies(m) + m->real[REAL_OFFSET];
    } else if (bbc_is(words, name, "best_energy")) {
        kernel(m, DYN_REFRESH);
        *to = machine_best(m);
    } else if (bbc_is(words, name, "time")) *to = (double)c[CTX_STEP] * m->real[REAL_DT];
    else if (bbc_is(words, name, "steps")) *to = (double)c[CTX_STEP];
    else if (bbc_is(words, name, "noise")) *to = m->real[REAL_NOISE];
    else return 0;
    return 1;
}

static int get(machine *m, const bbc_word *w) {
    const bbc_strings *names = &m->program->names;
    if (!m->allocated) return machine_wrong(m, SAY_BEFORE_ALC);
    double *to = m->registers + w->value[0];
    if (machine_scalar(m, w->value[1], to)) return 1;
    if (!bbc_is(names, w->value[1], "spike_count")) return machine_wrong(m, SAY_GET_UNKNOWN);
    *to = spikes_so_far(m);
    return 1;
}

static int peek(machine *m, const bbc_word *w) {
    const double at = machine_value(m, w, 2);
    if (!m->allocated) return machine_wrong(m, SAY_BEFORE_ALC);
    const int variable = machine_word(m, w->value[1]);
    if (variable < 0) return machine_wrong(m, SAY_PEEK_UNKNOWN);
    if (!(at >= 0.0 && at < (double)m->n && at == floor_of(at))) return machine_wrong(m, SAY_PEEK_INDEX);
    m->registers[w->value[0]] = machine_variable(m, DYN_PEEK_MEAN, (int16_t)variable, (uint32_t)at);
    return 1;
}

static int set_noise(machine *m, double level) {
    if (!(level >= 0.0 && level < INFINITE)) return machine_wrong(m, SAY_NOISE);
    m->real[REAL_NOISE] = level;
    m->real[REAL_NOISE_SET] = 1.0;
    return 1;
}

static int set_offset(machine *m, double offset) {
    if (!is_finite(offset)) return machine_wrong(m, SAY_OFFSET);
    m->real[REAL_OFFSET] = offset;
    return 1;
}

static int put_out(machine *m, const bbc_word *w) {
    uint32_t size = 5;
    const char *word = w->operands > 1 ? bbc_string(&m->program->names, w->value[1], &size) : "value";
    const double value = machine_value(m, w, 0);
    return machine_emit(m, word, size, READ_NUMBER, &value, 1, 8);
}

/* --- the loop ------------------------------------------------------------------------------------- */

/* Do one instruction; 0 where it is at fault. `following` becomes the next one. */
static int one(machine *m, const bbc_word *w, int64_t *following) {
    const unsigned op = w->opcode;
    if (op >= OP_MOV && op <= OP_FLOOR) {
        m->registers[w->value[0]] = arithmetic(op, machine_value(m, w, 1), w->operands > 2 ? machine_value(m, w, 2) : 0.0);
        return 1;
    }
    if (op >= OP_JEQ && op <= OP_JGE) {
        if (holds(op, machine_value(m, w, 0), machine_value(m, w, 1))) *following = w->value[2];
        return 1;
    }
    switch (op) {
    case OP_JMP: *following = w->value[0]; return 1;
    case OP_LOOP:
        m->registers[w->value[0]] -= 1.0;
        if (m->registers[w->value[0]] > 0.0) *following = w->value[1];
        return 1;
    case OP_OUT: return put_out(m, w);
    case OP_SIG: return set_noise(m, machine_value(m, w, 0));
    case OP_LDO: return set_offset(m, machine_value(m, w, 0));
    case OP_RUN: *following = m->ctx[CTX_PC]; return begin_run(m, machine_value(m, w, 0));
    case OP_GET: return get(m, w);
    case OP_PEEK: return peek(m, w);
    }
    return machine_instruction(m, w);
}

static int turn(machine *m) {
    int64_t *c = m->ctx;
    if (c[CTX_RUNNING]) {
        const int status = go_on(m);
        if (status != STATUS_DONE) return status;
    }
    if (c[CTX_PC] >= c[CTX_CODE_LENGTH]) return STATUS_HALT;
    if (c[CTX_FUEL] <= 0) return STATUS_FUEL;
    if (c[CTX_BUDGET] <= 0 || m->late) return STATUS_SLICE;
    serve(1);
    const bbc_word w = bbc_instruction(m->program, (uint32_t)c[CTX_PC]);
    if (w.opcode == OP_HLT) return STATUS_HALT;
    int64_t following = c[CTX_PC] + 1;
    if (!one(m, &w, &following)) return STATUS_FAULT;
    c[CTX_FUEL] -= 1, c[CTX_BUDGET] -= 1;
    c[CTX_PC] = following;
    return STATUS_DONE;
}

int machine_slice(machine *m, int64_t budget) {
    m->ctx[CTX_BUDGET] = budget, m->late = 0;
    int status;
    do {
        status = turn(m);
        if (status == STATUS_DRAIN && !make_room(m)) status = STATUS_FAULT;
    } while (status == STATUS_DONE || status == STATUS_DRAIN);
    if (status != STATUS_FAULT && !(machine_drain(m) && check_finite(m))) status = STATUS_FAULT;
    return status;
}
