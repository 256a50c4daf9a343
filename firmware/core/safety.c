/* The interlock, as `bioasm/safety` has it: one pulse alone, and tables of limits. */
#include "safety.h"
#include "arithmetic.h"

void refuse(refusals *r, unsigned rule, double value, double limit) {
    if (r->count == MOST_REFUSALS) return;
    const refusal made = {(uint8_t)rule, value, limit};
    r->found[r->count++] = made;
}

static void at_most(refusals *r, unsigned rule, double value, double limit) {
    if (!(value <= limit * (1 + SAFETY_ROUNDING))) refuse(r, rule, value, limit);
}

uint32_t pulse_length(const pulse *p) {
    uint32_t sum = 0;
    for (uint32_t k = 0; k < p->phases; k++) sum += p->samples[k];
    return sum;
}

int64_t pulse_net(const pulse *p) {
    int64_t sum = 0;
    for (uint32_t k = 0; k < p->phases; k++) sum += (int64_t)p->levels[k] * p->samples[k];
    return sum;
}

/* --- tables --------------------------------------------------------------------------------------- */

static unsigned limits_of(bio_limits *limits, const uint8_t *data) {
    double *to = (double *)limits;
    for (int k = 0; k < SAFETY_FIELDS; k++) {
        to[k] = get_f64(data + 8 * k);
        if (!(to[k] >= 0.0 && to[k] <= 1e12)) return SAY_LIMIT_VALUE;
        if (SAFETY_IS_WHOLE[k] && to[k] != floor_of(to[k])) return SAY_LIMIT_COUNT;
    }
    return limits->max_rate < 1e-6 || limits->max_duty < 1e-6 ? SAY_LIMIT_RATE : 0;
}

unsigned limits_read(limits_table *t, const uint8_t *data, uint32_t size) {
    const uint32_t head = 6 + 8 * SAFETY_FIELDS;
    memset(t, 0, sizeof *t);
    t->beyond = -1;
    if (size < head || memcmp(data, "BSL1", 4)) return SAY_NO_LIMITS;
    const uint32_t count = get_u16(data + 4);
    if (size != head + 28 * count) return SAY_TABLE_SIZE;
    unsigned why = limits_of(&t->limits, data + 6);
    int32_t before = -1;
    for (uint32_t k = 0; !why && k < count; k++) {
        const uint8_t *row = data + head + 28 * k;
        const int32_t channel = get_u16(row);
        const electrode e = {get_f64(row + 4), get_f64(row + 12), get_f64(row + 20), 1, row[3], row[2]};
        if (channel <= before) return SAY_TABLE_ORDER;
        if (e.allowed > 1 || e.material >= MATERIAL_COUNT) return SAY_MATERIAL;
        if (!(e.area > 0.0 && is_finite(e.area)) || !(e.max_current >= 0.0) || !(e.max_charge >= 0.0)) return SAY_TABLE_NUMBERS;
        if (channel < CHANNELS) t->electrodes[channel] = e;
        else if (t->beyond < 0) t->beyond = channel;
        before = channel;
    }
    return why;
}

static double density_of(const bio_limits *limits, const electrode *e) {
    const double injection = MATERIAL_INJECTION[e->material];
    return injection == 0.0 ? limits->unknown_density : limits->cic_fraction * injection;
}

void limits_over(refusals *r, const limits_table *mine, const limits_table *ceiling) {
    const double *a = (const double *)&mine->limits, *b = (const double *)&ceiling->limits;
    for (int k = 0; k < SAFETY_FIELDS; k++)
        if (SAFETY_IS_LEAST[k] ? a[k] < b[k] : a[k] > b[k]) refuse(r, RULE_CEILING, a[k], b[k]);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        const electrode *e = mine->electrodes + c, *own = ceiling->electrodes + c;
        if (!e->listed) continue;
        if (!own->listed || (e->allowed && !own->allowed)) {
            refuse(r, RULE_CEILING, 1.0, 0.0);
            continue;
        }
        const double dense = density_of(&mine->limits, e), densest = density_of(&ceiling->limits, own);
        if (e->area > own->area * (1 + SAFETY_ROUNDING)) refuse(r, RULE_CEILING, e->area * 1e12, own->area * 1e12);
        if (dense > densest * (1 + SAFETY_ROUNDING)) refuse(r, RULE_CEILING, dense / SAFETY_UC_PER_CM2, densest / SAFETY_UC_PER_CM2);
    }
    if (mine->beyond >= 0) refuse(r, RULE_CEILING, 1.0, 0.0);
}

/* --- one pulse ------------------------------------------------------------------------------------ */

static int whole(refusals *r, const pulse *p, double step) {
    const uint32_t before = r->count;
    if (p->phases > SAFETY_MOST_PHASES) refuse(r, RULE_PHASES, p->phases, SAFETY_MOST_PHASES);
    for (uint32_t k = 0; k < p->phases && p->phases <= SAFETY_MOST_PHASES; k++) {
        const double level = size_of(p->levels[k]);
        if (level == 0.0) refuse(r, RULE_RESOLUTION, 0.0, step);
        else if (level > RANGE_STEPS) refuse(r, RULE_RANGE, level, RANGE_STEPS);
        else if (p->samples[k] < 1) refuse(r, RULE_WIDTH_LOW, p->samples[k], 1);
    }
    return r->count == before;
}

static void shape(refusals *r, const pulse *p, const bio_limits *limits, double step) {
    if (p->phases < limits->min_phases) refuse(r, RULE_PHASES, p->phases, limits->min_phases);
    for (uint32_t k = 1; k < p->phases; k++)
        if ((p->levels[k - 1] < 0) == (p->levels[k] < 0)) refuse(r, RULE_ALTERNATION, p->levels[k] * step, 0.0);
}

static void charge(refusals *r, double coulombs, const bio_limits *limits, const electrode *e) {
    at_most(r, RULE_CHARGE, coulombs, limits->max_charge < e->max_charge ? limits->max_charge : e->max_charge);
    const double density = coulombs / e->area / SAFETY_UC_PER_CM2;
    at_most(r, RULE_DENSITY, density, density_of(limits, e) / SAFETY_UC_PER_CM2);
    if (density > 0 && coulombs > 0) at_most(r, RULE_SHANNON, log10_of(density) + log10_of(coulombs * 1e6), limits->shannon_k);
}

static void phase(refusals *r, double current, double duration, const bio_limits *limits, const electrode *e) {
    if (duration < limits->min_width * (1 - SAFETY_ROUNDING)) refuse(r, RULE_WIDTH_LOW, duration, limits->min_width);
    if (!(duration <= limits->max_width * (1 + SAFETY_ROUNDING))) refuse(r, RULE_WIDTH_HIGH, duration, limits->max_width);
    at_most(r, RULE_CURRENT, size_of(current), limits->max_current < e->max_current ? limits->max_current : e->max_current);
    if (!e->allowed) refuse(r, RULE_ELECTRODE, 1, 0);
    charge(r, size_of(current) * duration, limits, e);
}

static void balance(refusals *r, const pulse *p, const bio_limits *limits, double step, double period) {
    double smallest = INFINITE, shortest = INFINITE, net = 0.0;
    for (uint32_t k = 0; k < p->phases; k++) {
        const double current = p->levels[k] * step, duration = p->samples[k] * period, moved = size_of(current) * duration;
        smallest = moved < smallest ? moved : smallest;
        shortest = duration < shortest ? duration : shortest;
        net += current * duration;
    }
    const double usual = limits->net_fraction * smallest, coarse = step * shortest, cap = limits->net_cap * smallest;
    const double wanted = coarse > usual ? coarse : usual, allowed = wanted < cap ? wanted : cap;
    if (p->phases && !(size_of(net) <= allowed + SAFETY_ROUNDING * smallest)) refuse(r, RULE_BALANCE, size_of(net), allowed);
}

void check_pulse(refusals *r, const pulse *p, const limits_table *t, uint32_t channel, double step, double period) {
    const electrode *e = t->electrodes + channel;
    if (channel >= CHANNELS || !e->listed) {
        refuse(r, RULE_ELECTRODE, channel, 0);
        return;
    }
    if (!whole(r, p, step)) return;
    shape(r, p, &t->limits, step);
    double held = 0.0;
    for (uint32_t k = 0; k < p->phases; k++) phase(r, p->levels[k] * step, p->samples[k] * period, &t->limits, e);
    for (uint32_t k = 0; k < p->phases; k++) { /* what an electrode holds after each phase may be no more than one may bring */
        held += p->levels[k] * step * (p->samples[k] * period);
        if (k) charge(r, size_of(held), &t->limits, e);
    }
    balance(r, p, &t->limits, step, period);
}
