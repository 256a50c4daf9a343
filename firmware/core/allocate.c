/* Beginning a run, and making the neurons that ALC asks for. */
#include "tables.h"
#include "arithmetic.h"
#include "instructions.h"
#include "serve.h"

#define TRACE_ROOM 64

static int64_t address(const void *at) { return (int64_t)(intptr_t)at; }

/* The model that a program chooses; without MODEL the first. */
static const bio_model *chosen(const bbc_program *p) {
    if (p->model == BBC_NONE) return BIO_MODELS[0];
    for (uint32_t k = 0; k < BIO_MODEL_COUNT; k++)
        if (bbc_is(&p->names, p->model, BIO_MODELS[k]->name)) return BIO_MODELS[k];
    return 0;
}

static const char *without_owner(const char *name, const char *owner) {
    const size_t size = strlen(owner);
    return strlen(name) > size && !memcmp(name, owner, size) && name[size] == '.' ? name + size + 1 : name;
}

static int give_parameter(machine *m, const machine_parameter *given) {
    const char *name = without_owner(given->name, m->model->name);
    for (uint32_t k = 0; k < m->model->parameter_count; k++) {
        const bio_parameter *p = m->model->parameters + k;
        if (!same_text(p->name, name)) continue;
        if (!(given->value >= p->low && given->value <= p->high) || (p->open_low && given->value <= p->low) || !is_finite(given->value))
            return machine_wrong(m, SAY_PARAMETER_RANGE);
        m->parameters[k] = given->value;
        return 1;
    }
    return machine_wrong(m, SAY_NO_PARAMETER);
}

int machine_begin(
    machine *m, const bbc_program *program, uint8_t *low, uint8_t *high, uint64_t seed, uint64_t fuel,
    const machine_parameter *given, uint32_t count) {
    memset(m, 0, sizeof *m);
    m->program = program, m->seed = seed, m->memory.low = low, m->memory.high = high;
    m->ctx[CTX_FUEL] = fuel < INT64_MAX ? (int64_t)fuel : INT64_MAX;
    m->ctx[CTX_CODE_LENGTH] = program->instructions, m->ctx[CTX_MAX_STEPS] = LIMIT_STEPS;
    m->model = chosen(program);
    m->fault.place = LINK_NOWHERE;
    if (!m->model) return machine_wrong(m, SAY_NO_MODEL);
    if (m->model->parameter_count > MOST_PARAMETERS || m->model->state_count > sizeof m->given) return machine_wrong(m, SAY_LARGE_MODEL);
    for (uint32_t k = 0; k < m->model->parameter_count; k++) m->parameters[k] = m->model->parameters[k].value;
    m->real[REAL_NOISE] = m->model->noise;
    m->real[REAL_DT] = m->model->timing[0] < 0 ? 1.0 : m->parameters[m->model->timing[0]];
    m->real[REAL_SCALE] = 1.0;
    for (uint32_t k = 0; k < count; k++)
        if (!give_parameter(m, given + k)) return 0;
    return 1;
}

/* --- arrays --------------------------------------------------------------------------------------- */

/* An array at a place of `ctx`. */
static void *give(machine *m, int slot, uint32_t bytes) {
    void *made = take_low(&m->memory, bytes + 8);
    m->ctx[slot] = address(made);
    return made;
}

static int network_arrays(machine *m) {
    const bio_model *model = m->model;
    int64_t *table = give(m, CTX_ADDRESS_AT, 8 * model->fields);
    m->fields = take_low(&m->memory, sizeof *m->fields * model->fields);
    if (!table || !m->fields) return 0;
    for (uint32_t r = 0; r < model->region_count; r++) {
        const bio_region *region = model->regions + r;
        const uint32_t bytes = region->per_neuron * m->n + region->more;
        double *made = take_low(&m->memory, bytes + 8);
        if (!made) return 0;
        for (uint32_t k = 0; region->fill != 0.0 && k < bytes / 8; k++) made[k] = region->fill;
        if (region->slot >= 0) m->ctx[region->slot] = address(made);
        else table[-1 - region->slot] = address(made), m->fields[-1 - region->slot] = (int64_t *)(void *)made;
    }
    int64_t *whole = give(m, CTX_WHOLE_AT, 8 * model->whole_count);
    double *number = give(m, CTX_NUMBER_AT, 8 * model->number_count);
    uint32_t *keys = give(m, CTX_NOISE_KEY_AT, 8 * model->noises);
    if (!whole || !number || !keys) return 0;
    for (uint32_t k = 0; k < model->whole_count; k++) whole[k] = (int64_t)model->wholes[k].per_neuron * m->n + model->wholes[k].more;
    for (uint32_t k = 0; k < model->noises; k++) lane_key(m->seed, STREAM_WHITE + k, keys + 2 * k, keys + 2 * k + 1);
    return 1;
}

static int spin_arrays(machine *m) {
    const uint32_t n = m->n;
    m->ctx[CTX_RULE] = (int64_t)m->parameters[0];
    double *best = give(m, CTX_BEST_ENERGY_AT, 8);
    if (!best) return 0;
    *best = INFINITE;
    return give(m, CTX_SPIN_AT, n) && give(m, CTX_BEST_AT, n) && give(m, CTX_ENERGY_AT, 8) && give(m, CTX_HOLD_AT, n) &&
           give(m, CTX_DRAWN_AT, 8 * DYN_DRAWN) && give(m, CTX_FIELD_AT, 8 * n) && give(m, CTX_THRESHOLD_AT, 16 * n);
}

static int buffers(machine *m) {
    int64_t *b = m->block;
    const uint32_t spikes = m->model->spins ? 1 : 4 * m->n; /* a step asks for room where its model sends none, too */
    uint32_t *key0 = give(m, CTX_KEY0_AT, 4), *key1 = give(m, CTX_KEY1_AT, 4);
    void *steps = take_low(&m->memory, 8 * spikes), *ids = take_low(&m->memory, 8 * spikes), *trace = take_low(&m->memory, 8 * TRACE_ROOM);
    if (!key0 || !key1 || !steps || !ids || !trace) return 0;
    lane_key(m->seed, STREAM_DYNAMICS, key0, key1);
    b[BLOCK_WIDTH] = b[BLOCK_LANES] = 1;
    b[BLOCK_SPIKE_CAPACITY] = (int64_t)spikes, b[BLOCK_TRACE_CAPACITY] = TRACE_ROOM, b[BLOCK_DRAWN_PAIR] = -1;
    b[BLOCK_SPIKE_STEP_AT] = address(steps), b[BLOCK_SPIKE_ID_AT] = address(ids), b[BLOCK_TRACE_AT] = address(trace);
    m->ctx[CTX_BLOCK_AT] = address(b);
    return 1;
}

/* --- numbers that follow from parameters ---------------------------------------------------------- */

static int timing(machine *m) {
    const int16_t *t = m->model->timing;
    if (t[0] >= 0) m->real[REAL_DT] = m->parameters[t[0]];
    if (!m->model->coupled) return 1;
    m->real[REAL_I_MAX] = m->parameters[t[1]];
    const double ratio = m->parameters[t[2]] / m->real[REAL_DT], whole = round_even(ratio), off = ratio - whole;
    if (!(ratio < 9007199254740992.0) || whole < 1.0 || (off < 0 ? -off : off) > 1e-9 * ratio)
        return machine_wrong(m, SAY_INTERVAL);
    m->ctx[CTX_FEEDBACK_EVERY] = (int64_t)whole;
    return 1;
}

int machine_start(machine *m) {
    const bio_model *model = m->model;
    double p[MOST_PARAMETERS];
    for (uint32_t r = 0; r < model->region_count; r++)
        if (model->regions[r].anew)
            memset(m->fields[-1 - model->regions[r].slot], 0, (size_t)model->regions[r].per_neuron * m->n + model->regions[r].more);
    for (uint32_t k = 0; k < m->n; k++) {
        for (uint32_t i = 0; i < model->parameter_count; i++) {
            const int16_t field = model->parameters[i].field;
            p[i] = field < 0 ? m->parameters[i] : ((const double *)(const void *)m->fields[field])[k];
        }
        for (uint32_t s = 0; s < model->state_count; s++) {
            const bio_state *state = model->states + s;
            if ((m->placed[k] && state->clamp) || m->given[s]) continue;
            ((double *)(void *)m->fields[state->field])[k] = state->start(p);
            serve(8);
        }
        serve(8);
    }
    if (model->coupled) memset((void *)(intptr_t)m->ctx[CTX_FEEDBACK_CURRENT_AT], 0, 8 * (size_t)m->n);
    return 1;
}

static void start_spins(machine *m) {
    int8_t *spin = (int8_t *)(intptr_t)m->ctx[CTX_SPIN_AT];
    uint32_t key0, key1;
    lane_key(m->seed, STREAM_INITIAL, &key0, &key1);
    for (uint32_t k = 0; k < m->n; serve(1), k++)
        if (!m->hold[k]) spin[k] = first_word(key0, key1, k) >> 31 ? 1 : -1;
    m->ctx[CTX_DIRTY] = 1;
}

int machine_restart(machine *m) {
    if (m->model->spins) {
        machine_count(m);
        start_spins(m);
        return 1;
    }
    for (uint32_t k = 0; k < m->n; k++) m->placed[k] &= m->hold[k];
    memset(m->given, 0, sizeof m->given);
    return machine_start(m);
}

int machine_allocate(machine *m, double n) {
    if (m->allocated) return machine_wrong(m, SAY_SECOND_ALC);
    if (!(n >= 1.0 && n <= MOST_NEURONS) || n != floor_of(n)) return machine_wrong(m, SAY_MANY_NEURONS);
    m->n = (uint32_t)n;
    for (uint32_t k = 0; k < m->model->size_count; k++) {
        const bio_size *size = m->model->sizes + k;
        m->ctx[size->slot] = (int64_t)size->per_neuron * m->n + size->more;
    }
    if (!(m->model->spins ? spin_arrays(m) : network_arrays(m)) || !buffers(m)) return machine_wrong(m, SAY_NEURONS_MEMORY);
    m->placed = take_low(&m->memory, m->n);
    m->hold = m->model->spins ? (uint8_t *)(intptr_t)m->ctx[CTX_HOLD_AT] : m->model->hold >= 0 ? (uint8_t *)m->fields[m->model->hold] : take_low(&m->memory, m->n);
    if (!m->placed || !m->hold) return machine_wrong(m, SAY_NEURONS_MEMORY);
    if (m->model->spins && m->parameters[0] != 0.0 && m->parameters[0] != 1.0) return machine_wrong(m, SAY_RULE);
    if (!timing(m)) return 0;
    for (uint32_t i = 0; i < m->model->parameter_count; i++) machine_fill(m, i, 0);
    m->allocated = 1;
    m->couplings_from = m->memory.low;
    if (m->model->spins) start_spins(m);
    else machine_start(m);
    return machine_load(m);
}
