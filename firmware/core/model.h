/* What the firmware knows of a neuron model: its step, its memory for n neurons, its parameters and its words. */
#ifndef BIO_MODEL_H
#define BIO_MODEL_H
#include <stdint.h>

typedef int64_t bio_kernel(int64_t *ctx, double *real, int64_t block);

typedef struct {
    const char *name;
    double value, low, high;
    uint8_t open_low, fixed;
    int16_t field, number; /* where the step reads it, one a neuron or one for all; -1: nowhere */
} bio_parameter;

typedef struct {
    const char *name;
    int16_t variable;
} bio_word;

typedef struct {
    int16_t field;
    uint8_t clamp;
    double (*start)(const double *parameters);
} bio_state;

typedef struct {
    int16_t slot; /* of `ctx`; -1 - k: field k */
    uint16_t anew, per_neuron, more; /* whether RST makes it zeros; bytes for each neuron, and beside those */
    double fill;
} bio_region;

typedef struct {
    int32_t per_neuron, more;
} bio_whole;

typedef struct { /* a number of `ctx` that follows from how many neurons there are */
    int16_t slot;
    int32_t per_neuron, more;
} bio_size;

typedef struct { /* a word that SET knows as the value of a parameter */
    int16_t parameter;
    const char *word;
    double value;
} bio_choice;

typedef struct {
    const char *name, *clock;
    uint8_t spins, coupled, spikes, noises;
    int16_t fields, hold, state; /* how many fields; that of clamps; the variable that is called `state` */
    int16_t timing[3];           /* parameters: the step, the greatest feedback current, the interval of the feedback */
    double noise;
    bio_kernel *kernel;
    const bio_parameter *parameters;
    uint32_t parameter_count;
    const bio_word *words;
    uint32_t word_count;
    const bio_state *states;
    uint32_t state_count;
    const bio_region *regions;
    uint32_t region_count;
    const bio_whole *wholes;
    uint32_t whole_count;
    const int16_t *numbers; /* the parameter that each number is; -1: computed by the step */
    uint32_t number_count;
    const bio_choice *choices;
    uint32_t choice_count;
    const bio_size *sizes;
    uint32_t size_count;
} bio_model;

extern const bio_model *const BIO_MODELS[]; /* those of this image; the first is that of programs without a MODEL */
extern const uint32_t BIO_MODEL_COUNT;

bio_kernel dynamics_ising_whole, dynamics_ising_real;

#endif
