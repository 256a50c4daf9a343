/* The instructions that concern neurons and results, as `bioasm/runtime/instructions.py` has them. */
#include "instructions.h"
#include "serve.h"
#include "tables.h"
#include "arithmetic.h"


static int8_t *spins(const machine *m) { return (int8_t *)(intptr_t)m->ctx[CTX_SPIN_AT]; }
static int8_t *best_spins(const machine *m) { return (int8_t *)(intptr_t)m->ctx[CTX_BEST_AT]; }
static double *best_energy(const machine *m) { return (double *)(intptr_t)m->ctx[CTX_BEST_ENERGY_AT]; }
static double *cells(const machine *m, uint32_t state) { return (double *)(void *)m->fields[m->model->states[state].field]; }

static uint32_t clamped_state(const machine *m) {
    uint32_t s = 0;
    while (s + 1 < m->model->state_count && !m->model->states[s].clamp) s++;
    return s;
}

/* A name of the program without its owner, where that is the population of ALC. */
static int names(const machine *m, uint32_t name, const char *word) {
    uint32_t size;
    const char *text = bbc_string(&m->program->names, name, &size);
    const size_t owner = strlen(m->model->name);
    if (size > owner && !memcmp(text, m->model->name, owner) && text[owner] == '.') text += owner + 1, size -= (uint32_t)owner + 1;
    return size == strlen(word) && !memcmp(text, word, size);
}

int machine_word(const machine *m, uint32_t name) {
    for (uint32_t k = 0; k < m->model->word_count; k++)
        if (names(m, name, m->model->words[k].name)) return m->model->words[k].variable;
    return -1;
}

/* --- couplings ------------------------------------------------------------------------------------ */

static int shape(machine *m, const bbc_data *d, unsigned op) {
    const int square = d->dimensions == 2 && d->rows == m->n && d->columns == m->n;
    if (op == OP_LDJ && (d->kind == DATA_DENSE || d->kind == DATA_SPARSE) && square) return 1;
    if (op == OP_LDH && d->kind == DATA_DENSE && d->dimensions == 1 && d->rows == m->n) return 1;
    if (op == OP_LDT && d->kind == DATA_TERMS && d->rows == m->n) return 1;
    return machine_wrong(m, SAY_SHAPE);
}

int machine_load(machine *m) {
    if (!m->model->spins && !m->model->coupled) return 1;
    m->memory.low = m->couplings_from;
    int whole = 0;
    const int fine = bind_couplings(m->ctx, m->real, &m->memory, m->n, &m->couplings, m->model->spins, &whole);
    m->whole = (uint8_t)whole;
    m->loaded = m->couplings.j || m->couplings.h || m->couplings.terms;
    m->ctx[CTX_COUPLED] = m->loaded, m->block[BLOCK_SYNCED] = 0;
    *best_energy(m) = INFINITE;
    void *products = take_low(&m->memory, (uint32_t)m->ctx[CTX_TERMS] + 8);
    m->ctx[CTX_PRODUCT_AT] = (int64_t)(intptr_t)products;
    return fine && products ? 1 : machine_wrong(m, SAY_COUPLINGS_MEMORY);
}

static int load(machine *m, const bbc_word *w) {
    const bbc_data d = bbc_block(m->program, w->value[0]);
    if (!shape(m, &d, w->opcode)) return 0;
    if (!m->model->spins && !m->model->coupled) return machine_wrong(m, SAY_NO_COUPLINGS);
    bbc_data *kept = w->opcode == OP_LDJ ? &m->j : w->opcode == OP_LDH ? &m->h : &m->terms;
    *kept = d;
    if (w->opcode == OP_LDJ) m->couplings.j = kept;
    else if (w->opcode == OP_LDH) m->couplings.h = kept;
    else m->couplings.terms = kept;
    return machine_load(m);
}

/* --- parameters ----------------------------------------------------------------------------------- */

void machine_fill(machine *m, uint32_t parameter, const bbc_array *each) {
    const bio_parameter *p = m->model->parameters + parameter;
    const double value = m->parameters[parameter];
    double *field = p->field < 0 ? 0 : (double *)(void *)m->fields[p->field];
    for (uint32_t k = 0; field && k < m->n; serve(1), k++) field[k] = each ? bbc_number(each, k) : value;
    if (p->number >= 0) ((double *)(intptr_t)m->ctx[CTX_NUMBER_AT])[p->number] = value;
}

static int in_range(machine *m, const bio_parameter *p, double value) {
    const int fits = is_finite(value) && (p->open_low ? value > p->low : value >= p->low) && value <= p->high;
    return fits ? 1 : machine_wrong(m, SAY_SET_RANGE);
}

static int choice(machine *m, uint32_t parameter, uint32_t name, double *value) {
    for (uint32_t k = 0; k < m->model->choice_count; k++) {
        const bio_choice *c = m->model->choices + k;
        if (c->parameter == (int16_t)parameter && bbc_is(&m->program->names, name, c->word)) return *value = c->value, 1;
    }
    return machine_wrong(m, SAY_SET_WORD);
}

static int set_each(machine *m, uint32_t parameter, const bbc_data *d) {
    if (d->kind != DATA_DENSE || d->dimensions != 1 || d->rows != m->n) return machine_wrong(m, SAY_SHAPE);
    for (uint32_t k = 0; k < m->n; serve(1), k++)
        if (!in_range(m, m->model->parameters + parameter, bbc_number(d->arrays, k))) return 0;
    if (m->model->parameters[parameter].field < 0) return machine_wrong(m, SAY_SET_EACH);
    machine_fill(m, parameter, d->arrays);
    return 1;
}

static int set_parameter(machine *m, const bbc_word *w, uint32_t parameter) {
    const bio_parameter *p = m->model->parameters + parameter;
    const unsigned tag = bbc_tag(w, 1);
    if (tag == BBC_TAG_DATA) {
        const bbc_data d = bbc_block(m->program, w->value[1]);
        if (!m->allocated) return machine_wrong(m, SAY_BEFORE_ALC);
        if (p->fixed) return machine_wrong(m, SAY_SET_FIXED);
        if (!set_each(m, parameter, &d)) return 0;
    } else {
        double value = 0.0;
        if (tag == BBC_TAG_NAME ? !choice(m, parameter, w->value[1], &value) : !in_range(m, p, value = machine_value(m, w, 1))) return 0;
        if (m->allocated && p->fixed) return 1;
        m->parameters[parameter] = value;
        if (!m->allocated) {
            if (m->model->timing[0] == (int16_t)parameter) m->real[REAL_DT] = value;
            return 1;
        }
        machine_fill(m, parameter, 0);
    }
    return m->ctx[CTX_STEP] == 0 && !m->model->spins ? machine_start(m) : 1;
}

/* --- states --------------------------------------------------------------------------------------- */

static int level_at(machine *m, const bbc_word *w, int at, uint32_t count, bbc_data *each) {
    if (bbc_tag(w, at) != BBC_TAG_DATA) return is_finite(machine_value(m, w, at)) ? 1 : machine_wrong(m, SAY_LEVEL);
    *each = bbc_block(m->program, w->value[at]);
    if (each->kind == DATA_DENSE && each->dimensions == 1 && each->rows == count) return 1;
    return machine_wrong(m, SAY_SHAPE);
}

static double level_of(const machine *m, const bbc_word *w, int at, const bbc_data *each, uint32_t k) {
    return bbc_tag(w, at) == BBC_TAG_DATA ? bbc_number(each->arrays, k) : machine_value(m, w, at);
}

static int is_spin(machine *m, double level) { return level == 1.0 || level == -1.0 ? 1 : machine_wrong(m, SAY_SPIN); }

void machine_count(machine *m) {
    if (m->loaded) {
        if (m->ctx[CTX_DIRTY]) machine_refresh(m);
    } else if (*best_energy(m) == INFINITE) {
        memcpy(best_spins(m), spins(m), m->n);
        *best_energy(m) = 0.0;
    }
}

/* Put a neuron's clamped variable at a level. */
static void put_state(machine *m, uint32_t neuron, double level) {
    if (m->model->spins) spins(m)[neuron] = (int8_t)level;
    else cells(m, clamped_state(m))[neuron] = level;
}

static int set_state(machine *m, const bbc_word *w, uint32_t state) {
    bbc_data each;
    if (!m->allocated) return machine_wrong(m, SAY_BEFORE_ALC);
    if (!level_at(m, w, 1, m->n, &each)) return 0;
    const int clamp = m->model->spins || m->model->states[state].clamp;
    for (uint32_t k = 0; k < m->n && m->model->spins; serve(1), k++)
        if (!is_spin(m, level_of(m, w, 1, &each, k))) return 0;
    if (m->model->spins) machine_count(m);
    for (uint32_t k = 0; k < m->n; k++) {
        if (clamp && m->hold[k]) continue;
        if (clamp) m->placed[k] = 1;
        if (m->model->spins) put_state(m, k, level_of(m, w, 1, &each, k));
        else cells(m, state)[k] = level_of(m, w, 1, &each, k);
    }
    if (!clamp) m->given[state] = 1;
    if (m->model->spins) m->ctx[CTX_DIRTY] = 1;
    return 1;
}

static int set(machine *m, const bbc_word *w) {
    for (uint32_t k = 0; k < m->model->parameter_count; k++)
        if (names(m, w->value[0], m->model->parameters[k].name)) return set_parameter(m, w, k);
    for (uint32_t s = 0; s < m->model->state_count; s++) {
        const char *word = 0;
        for (uint32_t k = 0; k < m->model->word_count && !word; k++)
            if (m->model->words[k].variable == (int16_t)s) word = m->model->words[k].name;
        if (word && names(m, w->value[0], word) && bbc_tag(w, 1) != BBC_TAG_NAME) return set_state(m, w, s);
    }
    return machine_wrong(m, SAY_SET_UNKNOWN);
}

static int load_states(machine *m, const bbc_word *w) {
    const bbc_data d = bbc_block(m->program, w->value[0]);
    const uint64_t columns = d.dimensions == 1 ? d.rows : d.columns;
    if (d.kind != DATA_DENSE || columns != m->n || d.rows == 0) return machine_wrong(m, SAY_SHAPE);
    for (uint32_t k = 0; k < m->n && m->model->spins; serve(1), k++)
        if (!is_spin(m, bbc_number(d.arrays, k))) return 0;
    if (m->model->spins) machine_count(m);
    for (uint32_t k = 0; k < m->n; k++) {
        m->placed[k] = 1;
        if (!m->hold[k]) put_state(m, k, bbc_number(d.arrays, k));
    }
    if (m->model->spins) m->ctx[CTX_DIRTY] = 1;
    return 1;
}

/* --- clamping ------------------------------------------------------------------------------------- */

static void note_clamps(machine *m) {
    int64_t any = 0;
    for (uint32_t k = 0; k < m->n; k++) any |= m->hold[k];
    m->ctx[CTX_CLAMPED] = any, m->block[BLOCK_SYNCED] = 0;
    if (m->model->spins) m->ctx[CTX_DIRTY] = 1;
    *best_energy(m) = INFINITE;
}

/* The k-th of the neurons that an operand names; `count` of them. */
static int neurons_at(machine *m, const bbc_word *w, bbc_data *each, uint32_t *count) {
    if (bbc_tag(w, 0) == BBC_TAG_NAME) return machine_wrong(m, SAY_NEURONS_BY_NAME);
    if (bbc_tag(w, 0) == BBC_TAG_DATA) {
        *each = bbc_block(m->program, w->value[0]);
        if (each->kind != DATA_DENSE || each->dimensions != 1) return machine_wrong(m, SAY_INDICES);
        *count = (uint32_t)each->rows;
    } else *count = 1;
    for (uint32_t k = 0; k < *count; k++) {
        serve(1);
        const double at = bbc_tag(w, 0) == BBC_TAG_DATA ? bbc_number(each->arrays, k) : machine_value(m, w, 0);
        if (!(at >= 0.0 && at < (double)m->n && at == floor_of(at))) return machine_wrong(m, SAY_NEURON_INDEX);
    }
    return 1;
}

static uint32_t neuron_of(const machine *m, const bbc_word *w, const bbc_data *each, uint32_t k) {
    return (uint32_t)(bbc_tag(w, 0) == BBC_TAG_DATA ? bbc_number(each->arrays, k) : machine_value(m, w, 0));
}

static int clamp(machine *m, const bbc_word *w) {
    bbc_data who, what;
    uint32_t count = 0;
    if (!neurons_at(m, w, &who, &count) || !level_at(m, w, 1, count, &what)) return 0;
    for (uint32_t k = 0; k < count && m->model->spins; serve(1), k++)
        if (!is_spin(m, level_of(m, w, 1, &what, k))) return 0;
    for (uint32_t k = 0; k < count; serve(1), k++) {
        const uint32_t neuron = neuron_of(m, w, &who, k);
        m->hold[neuron] = m->placed[neuron] = 1;
        put_state(m, neuron, level_of(m, w, 1, &what, k));
    }
    note_clamps(m);
    return 1;
}

static int free_neurons(machine *m, const bbc_word *w) {
    bbc_data who;
    uint32_t count = 0;
    if (w->operands && !neurons_at(m, w, &who, &count)) return 0;
    if (!w->operands) memset(m->hold, 0, m->n);
    for (uint32_t k = 0; k < count; serve(1), k++) m->hold[neuron_of(m, w, &who, k)] = 0;
    note_clamps(m);
    return 1;
}

/* --- results -------------------------------------------------------------------------------------- */

int machine_emit(machine *m, const char *word, uint32_t size, int kind, const void *from, uint32_t count, uint32_t width) {
    const reading made = {word, size, (uint32_t)kind, m->values.bytes, count};
    const uint64_t zeros = 0;
    const uint32_t bytes = from ? count * width : 0, padding = -bytes & 7;
    if (m->reading_count >= LIMIT_RESULTS) return machine_wrong(m, SAY_MANY_RESULTS);
    m->reading_count += 1;
    const int fine = stream_add(&m->memory, &m->readings, &made, sizeof made) && (!bytes || stream_add(&m->memory, &m->values, from, bytes)) &&
                     stream_add(&m->memory, &m->values, &zeros, padding);
    return fine ? 1 : machine_wrong(m, SAY_RESULTS_MEMORY);
}

/* A reading of one number a neuron is put together at the low end of the memory, and taken from there. */
static int emit_each(machine *m, const char *word, uint32_t size, int variable) {
    uint8_t *const kept = m->memory.low;
    double *each = take_low(&m->memory, 8 * m->n);
    if (!each) return machine_wrong(m, SAY_RESULTS_MEMORY);
    machine_variables(m, (int16_t)variable, each);
    const int fine = machine_emit(m, word, size, READ_REALS, each, m->n, 8);
    m->memory.low = kept;
    return fine;
}

static int emit_best(machine *m, const char *word, uint32_t size) {
    uint8_t *const kept = m->memory.low;
    int8_t *best = take_low(&m->memory, m->n);
    if (!best) return machine_wrong(m, SAY_RESULTS_MEMORY);
    machine_best_state(m, best);
    const int fine = machine_emit(m, word, size, READ_BYTES, best, m->n, 1);
    m->memory.low = kept;
    return fine;
}

void machine_best_state(machine *m, int8_t *to) {
    if (m->model->spins && m->ctx[CTX_DIRTY]) machine_refresh(m);
    const int seen = (m->model->spins || m->model->coupled) && *best_energy(m) < INFINITE;
    for (uint32_t k = 0; k < m->n; k++) {
        if (seen) to[k] = best_spins(m)[k];
        else if (m->model->spins) to[k] = spins(m)[k];
        else to[k] = m->model->state >= 0 && machine_variable(m, k ? DYN_PEEK_NEXT : DYN_PEEK_MEAN, m->model->state, k) > 0.5;
        serve(1);
    }
}

static int read_run(machine *m, const char *text, uint32_t size, uint32_t name) {
    const bbc_strings *words = &m->program->names;
    double value;
    if (machine_scalar(m, name, &value)) {
        const int by_lane = bbc_is(words, name, "energy") || bbc_is(words, name, "best_energy");
        return machine_emit(m, text, size, by_lane ? READ_LANE : READ_NUMBER, &value, 1, 8);
    }
    if (bbc_is(words, name, "best_state")) return emit_best(m, text, size);
    if (bbc_is(words, name, "energy_trace")) return machine_drain(m) && machine_emit(m, text, size, READ_TRACE, 0, (uint32_t)(m->trace.bytes / 8), 8);
    if (bbc_is(words, name, "spikes") && m->model->spikes)
        return machine_drain(m) && machine_emit(m, text, size, READ_SPIKES, 0, (uint32_t)(m->spike_ids.bytes / 8), 8);
    return -1;
}

static int read(machine *m, const bbc_word *w) {
    uint32_t size = 5;
    const char *text = w->operands ? bbc_string(&m->program->names, w->value[0], &size) : "state";
    if (w->operands) {
        const int done = read_run(m, text, size, w->value[0]);
        if (done >= 0) return done;
        if (names(m, w->value[0], "spike_count") && m->model->spikes)
            return machine_emit(m, text, size, READ_COUNTS, (void *)(intptr_t)m->ctx[CTX_SPIKE_COUNT_AT], m->n, 8);
    }
    const int variable = w->operands ? machine_word(m, w->value[0]) : m->model->state;
    if (variable < 0) return machine_wrong(m, SAY_RD_UNKNOWN);
    return m->model->spins ? machine_emit(m, text, size, READ_BYTES, spins(m), m->n, 1) : emit_each(m, text, size, variable);
}

/* -------------------------------------------------------------------------------------------------- */

int machine_instruction(machine *m, const bbc_word *w) {
    if (w->opcode == OP_MODEL) return m->allocated ? machine_wrong(m, SAY_LATE_MODEL) : 1;
    if (w->opcode == OP_ALC) return machine_allocate(m, machine_value(m, w, 0));
    if (w->opcode == OP_SET) return set(m, w);
    if (!m->allocated) return machine_wrong(m, SAY_BEFORE_ALC);
    switch (w->opcode) {
    case OP_LDJ:
    case OP_LDH:
    case OP_LDT: return load(m, w);
    case OP_LDS: return load_states(m, w);
    case OP_RST: return machine_restart(m);
    case OP_CLAMP: return clamp(m, w);
    case OP_FREE: return free_neurons(m, w);
    case OP_RD: return read(m, w);
    }
    return machine_wrong(m, SAY_LACKS_INSTRUCTION);
}
