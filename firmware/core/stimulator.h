/* The stimulator: the interlock in front of it, and the words that make a pulse at its samples. */
#ifndef BIO_STIMULATOR_H
#define BIO_STIMULATOR_H
#include "link.h"
#include "safety.h"

#define MOST_WAITING_PULSES 4096
#define LEAD 40 /* samples from asking to the earliest start */
#define PERIOD_WORDS 20
#define AUX_WORDS 4

/* A limits table that the host sent; `armed` says that it is in force beside the board's own. */
extern limits_table STIM_TABLE;

void stim_boot(void *region);
uint32_t stim_arm(uint32_t *words);    /* the words that arm the chip; how many */
uint32_t stim_disarm(uint32_t *words); /* all currents off, electrodes to ground, the magic words gone */
int stim_armed(void);
int stim_on(void);                              /* whether a current flows */
answer stim_request(reader *r, int64_t clock);
void stim_admit(int64_t now, int64_t until);   /* judge the pulses that start before `until` */
int64_t stim_next_word(void);                  /* the first sample at which a word is to be sent; INT64_MAX: none */
uint32_t stim_words(int64_t sample, uint32_t *words);
void stim_cancel(int64_t now);                 /* forget every pulse that has not begun, and say so */
void stim_finish(int64_t now);                 /* tell of the pulses that are over */
uint32_t stim_waiting(void);
guard *stim_guard(void);
const limits_table *stim_own(void);

#endif
