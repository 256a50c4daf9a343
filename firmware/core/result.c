/* The result of a run as bytes. */
#include "result.h"
#include "serve.h"
#include "tables.h"

#define NO_NUMBER (__builtin_nan(""))
#define MOST_PASSED 64 /* arrays in one call */
enum { STATE, ENERGY, BEST_ENERGY, BEST_STATE, TRACE, TIMES, NEURONS, LANES, COUNTS, STEP_LENGTH, OWN_ARRAYS };

static uint32_t rounded(uint32_t bytes) { return (bytes + 7) / 8 * 8; }

/* --- arrays --------------------------------------------------------------------------------------- */

static result_array of_memory(const char *type, const void *from, uint32_t dimensions, uint32_t count, uint32_t width) {
    const result_array a = {type, dimensions, {1, count}, FROM_MEMORY, from, 0, 0, count * width};
    return a;
}

static result_array of_stream(const char *type, stream *from, uint32_t dimensions, uint32_t at, uint32_t count, uint32_t width) {
    const result_array a = {type, dimensions, {1, count}, FROM_STREAM, 0, from, at, count * width};
    return a;
}

/* One of the three arrays of spikes, which have one dimension. */
static result_array of_spikes(machine *m, uint32_t which, uint32_t count) {
    result_array a = of_stream(which ? "<i8" : "<f8", which ? &m->spike_ids : &m->spike_steps, 1, 0, count, 8);
    a.shape[0] = count;
    if (which == 0) a.source = FROM_SPIKE_TIMES;
    if (which == 2) a.source = FROM_ZEROS;
    return a;
}

static result_array own_array(result *r, uint32_t which) {
    machine *m = r->m;
    const uint32_t n = m->n;
    const uint32_t entries = m->trace.bytes / 8, spikes = m->spike_ids.bytes / 8;
    switch (which) {
    case STATE: return of_memory("<f8", r->state, 2, n, 8);
    case ENERGY: return of_memory("<f8", &r->energy, 1, 1, 8);
    case BEST_ENERGY: return of_memory("<f8", &r->best_energy, 1, 1, 8);
    case BEST_STATE: return of_memory("|i1", r->best_state, 2, n, 1);
    case TRACE: return of_stream("<f8", &m->trace, 2, 0, entries, 8);
    case TIMES:
    case NEURONS:
    case LANES: return of_spikes(m, which - TIMES, spikes);
    case COUNTS: return of_memory("<i8", r->spike_count, 2, n, 8);
    }
    return of_memory("<f8", &r->step, 0, 1, 8);
}

static reading reading_at(machine *m, uint32_t k) {
    reading made;
    stream_read(&m->readings, k * sizeof made, &made, sizeof made);
    return made;
}

static result_array of_reading(result *r, const reading *from, uint32_t part) {
    machine *m = r->m;
    switch (from->kind) {
    case READ_NUMBER: return of_stream("<f8", &m->values, 0, from->at, 1, 8);
    case READ_LANE: return of_stream("<f8", &m->values, 1, from->at, 1, 8);
    case READ_REALS: return of_stream("<f8", &m->values, 2, from->at, from->count, 8);
    case READ_BYTES: return of_stream("|i1", &m->values, 2, from->at, from->count, 1);
    case READ_COUNTS: return of_stream("<i8", &m->values, 2, from->at, from->count, 8);
    case READ_TRACE: return of_stream("<f8", &m->trace, 2, 0, from->count, 8);
    }
    return of_spikes(m, part, from->count);
}

/* Array k: first those of the run, then three for each reading, of which all but spikes use the first. */
static int array_at(result *r, uint32_t k, result_array *a) {
    if (k < OWN_ARRAYS) return *a = own_array(r, k), 1;
    const uint32_t which = (k - OWN_ARRAYS) / 3, part = (k - OWN_ARRAYS) % 3;
    if (which >= r->m->reading_count) return 0;
    const reading from = reading_at(r->m, which);
    *a = of_reading(r, &from, part);
    if (part && from.kind != READ_SPIKES) a->bytes = 0, a->dimensions = 1, a->shape[0] = 0;
    return 1;
}

/* --- the text ------------------------------------------------------------------------------------- */

static void quoted(writer *w, const char *text, uint32_t size) {
    static const char digits[] = "0123456789abcdef";
    put_u8(w, '"');
    for (uint32_t k = 0; k < size; k++) {
        const unsigned c = (unsigned char)text[k];
        if (c == '"' || c == '\\') put_u8(w, '\\');
        if (c < 0x20) {
            put_words(w, "\\u00");
            put_u8(w, (unsigned)digits[c >> 4]);
            put_u8(w, (unsigned)digits[c & 15]);
        } else put_u8(w, c);
        serve(1);
    }
    put_u8(w, '"');
}

static void word(writer *w, const char *text) { quoted(w, text, (uint32_t)strlen(text)); }

static void field(writer *w, const char *name) {
    put_u8(w, ',');
    word(w, name);
    put_u8(w, ':');
}

static void array_field(writer *w, const char *name, uint32_t which) {
    field(w, name);
    put_words(w, "{\"array\":");
    put_unsigned(w, which);
    put_u8(w, '}');
}

static void layout(writer *w, result *r) {
    result_array a;
    put_words(w, "{\"arrays\":[");
    for (uint32_t k = 0; array_at(r, k, &a); k++) {
        put_words(w, k ? ",[" : "[");
        word(w, a.type);
        put_words(w, ",[");
        for (uint32_t d = 0; d < a.dimensions; d++) {
            if (d) put_u8(w, ',');
            put_unsigned(w, a.shape[d]);
        }
        put_words(w, "]]");
        serve(16);
    }
    put_u8(w, ']');
}

static void spikes_text(writer *w, uint32_t first) {
    put_words(w, "{\"t\":{\"array\":");
    put_unsigned(w, first);
    put_words(w, "},\"i\":{\"array\":");
    put_unsigned(w, first + 1);
    put_words(w, "},\"lane\":{\"array\":");
    put_unsigned(w, first + 2);
    put_words(w, "}}");
}

static void readings(writer *w, machine *m) {
    field(w, "results");
    put_u8(w, '[');
    for (uint32_t k = 0; k < m->reading_count; k++) {
        const reading from = reading_at(m, k);
        put_words(w, k ? ",{\"what\":" : "{\"what\":");
        quoted(w, from.word, from.size);
        put_words(w, ",\"value\":");
        if (from.kind == READ_SPIKES) spikes_text(w, OWN_ARRAYS + 3 * k);
        else {
            put_words(w, "{\"array\":");
            put_unsigned(w, OWN_ARRAYS + 3 * k);
            put_u8(w, '}');
        }
        put_u8(w, '}');
        serve(16);
    }
    put_u8(w, ']');
}

static void metadata(writer *w, const bbc_strings *pairs) {
    uint32_t size;
    field(w, "metadata");
    put_u8(w, '{');
    for (uint32_t k = 0; k < pairs->count; k++) {
        if (k) put_u8(w, k % 2 ? ':' : ',');
        const char *text = bbc_string(pairs, k, &size);
        quoted(w, text, size);
    }
    put_u8(w, '}');
}

static void diagnostics(writer *w, const result_about *about) {
    field(w, "diagnostics");
    put_u8(w, '[');
    if (about->said) {
        put_words(w, "{\"code\":");
        word(w, said_code(about->said).characters);
        field(w, "message");
        word(w, said_text(about->said).characters);
        put_words(w, ",\"span\":null,\"hint\":null}");
    }
    put_u8(w, ']');
}

static void provenance(writer *w, const machine *m, const result_about *about) {
    static const char hex[] = "0123456789abcdef";
    put_words(w, ",\"tree\":{\"driver\":\"intan\",\"model\":");
    word(w, m->model->name);
    field(w, "n");
    put_unsigned(w, m->n);
    put_words(w, ",\"lanes\":1,\"seed\":");
    put_unsigned(w, m->seed);
    put_words(w, ",\"program_sha256\":\"");
    for (int k = 0; k < 64; k++) put_u8(w, (unsigned)hex[about->program_sha256[k / 2] >> (k % 2 ? 0 : 4) & 15]);
    put_words(w, "\",\"versions\":{\"firmware\":");
    word(w, about->version);
    put_words(w, "},\"timing\":{},\"status\":");
    word(w, about->status);
    put_words(w, ",\"extras\":{\"chip\":");
    word(w, about->chip);
    put_words(w, ",\"substrate\":\"twin\"},\"clock\":");
    word(w, m->model->clock);
    put_words(w, ",\"recordings\":{},\"about\":{},\"piece\":null,\"steps\":");
    put_decimal(w, m->ctx[CTX_STEP]);
}

static void text(writer *w, result *r, const result_about *about) {
    static const char *const names[] = {"state", "energy", "best_energy", "best_state", "energy_trace"};
    machine *m = r->m;
    put_u32(w, 0); /* the length, when it is known */
    layout(w, r);
    provenance(w, m, about);
    for (uint32_t k = 0; k < 5; k++) array_field(w, names[k], k);
    array_field(w, "spike_count", COUNTS);
    array_field(w, "seconds_per_step", STEP_LENGTH);
    field(w, "spikes");
    spikes_text(w, TIMES);
    readings(w, m);
    metadata(w, &m->program->metadata);
    diagnostics(w, about);
    put_words(w, "}}");
}

/* -------------------------------------------------------------------------------------------------- */

/* Arrays of what the neurons are now, in what is left of the memory. */
static int final_arrays(result *r) {
    machine *m = r->m;
    double *state = take_low(&m->memory, 8 * m->n + 8);
    int8_t *best = take_low(&m->memory, m->n + 8);
    int64_t *none = take_low(&m->memory, 8 * m->n + 8);
    if (!state || !best || !none) return 0;
    r->step = m->real[REAL_DT], r->energy = m->real[REAL_OFFSET], r->best_energy = NO_NUMBER;
    r->state = state, r->best_state = best, r->spike_count = none;
    if (!m->allocated) return 1;
    machine_variables(m, m->model->state, state);
    machine_refresh(m);
    r->energy = *(const double *)(intptr_t)m->ctx[CTX_ENERGY_AT] + m->real[REAL_OFFSET];
    r->best_energy = machine_best(m);
    machine_best_state(m, best);
    if (m->model->spikes) r->spike_count = (const int64_t *)(intptr_t)m->ctx[CTX_SPIKE_COUNT_AT];
    return 1;
}

int result_make(result *r, machine *m, const result_about *about) {
    memset(r, 0, sizeof *r);
    r->m = m;
    if (!final_arrays(r)) return 0;
    writer w = {m->memory.low, m->memory.high, 0};
    text(&w, r, about);
    if (w.full) return 0;
    const uint32_t length = (uint32_t)(w.at - m->memory.low);
    while (w.at < m->memory.high && (w.at - m->memory.low) % 8) *w.at++ = 0;
    if ((w.at - m->memory.low) % 8) return 0;
    writer size = {m->memory.low, m->memory.low + 4, 0};
    put_u32(&size, length - 4);
    r->head = m->memory.low, r->head_bytes = (uint32_t)(w.at - m->memory.low);
    m->memory.low = w.at;
    uint64_t total = r->head_bytes;
    result_array a;
    for (uint32_t k = 0; array_at(r, k, &a); serve(2), k++) total += rounded(a.bytes);
    if (total >> 32) return 0;
    r->total = (uint32_t)total;
    r->cursor_at = r->head_bytes;
    sha256 h;
    uint8_t part[256];
    sha256_begin(&h);
    for (uint32_t at = 0, some; at < r->total; at += some) {
        some = result_read(r, at, part, sizeof part);
        sha256_add(&h, part, some);
        serve(64);
    }
    sha256_end(&h, r->sha256);
    return 1;
}

/* --- reading -------------------------------------------------------------------------------------- */

/* Times of spikes, of which the first and the last may be wanted in part. */
static void time_bytes(const result *r, const result_array *a, uint32_t at, uint8_t *to, uint32_t count) {
    while (count) {
        const uint32_t within = at % 8, some = 8 - within < count ? 8 - within : count;
        uint64_t step;
        stream_read(a->stream, at - within, &step, 8);
        const double time = (double)(int64_t)step * r->step;
        memcpy(to, (const uint8_t *)&time + within, some);
        at += some, to += some, count -= some;
    }
}

/* Bytes of one array. */
static void array_bytes(const result *r, const result_array *a, uint32_t at, uint8_t *to, uint32_t count) {
    if (a->source == FROM_ZEROS) memset(to, 0, count);
    else if (a->source == FROM_MEMORY) memcpy(to, (const uint8_t *)a->memory + at, count);
    else if (a->source == FROM_STREAM) stream_read(a->stream, a->at + at, to, count);
    else time_bytes(r, a, at, to, count);
}

/* Move the cursor to the array that holds a byte, past some arrays at a time; false where it is not there yet. */
static int find(result *r, uint32_t at, result_array *a) {
    if (at < r->cursor_at) r->cursor = 0, r->cursor_at = r->head_bytes;
    for (int k = 0; k < MOST_PASSED && array_at(r, r->cursor, a); k++) {
        if (at < r->cursor_at + rounded(a->bytes)) return 1;
        r->cursor_at += rounded(a->bytes), r->cursor += 1;
    }
    return 0;
}

uint32_t result_read(result *r, uint32_t at, uint8_t *to, uint32_t count) {
    uint32_t done = 0;
    result_array a;
    for (; done < count && at + done < r->head_bytes; done++) to[done] = r->head[at + done];
    while (done < count && at + done < r->total && find(r, at + done, &a)) {
        const uint32_t within = at + done - r->cursor_at, end = rounded(a.bytes);
        uint32_t some = end - within < count - done ? end - within : count - done;
        const uint32_t real = within >= a.bytes ? 0 : a.bytes - within < some ? (uint32_t)(a.bytes - within) : some;
        if (real) array_bytes(r, &a, within, to + done, real);
        memset(to + done + real, 0, some - real);
        done += some;
    }
    return done;
}
