/* The chip and its stimulator, as the board drives them. Times are samples of the device clock. */
#ifndef BIO_RIG_H
#define BIO_RIG_H
#include "link.h"

#define RIG_CHANNELS 16
#define RIG_RATE 20000        /* samples a second */
#define RIG_TICK_US 50
#define RIG_STEP 50e-9        /* A */

typedef struct {
    int64_t clock;
    uint32_t compliance, leaking, waiting;
    int stimulates;
} rig_state;

extern rig_state RIG;

void rig_boot(void);              /* recall what outlasts a restart */
unsigned rig_start(void);         /* power the chip up; the text of what is wrong with it, or 0 */
answer rig_limits(const uint8_t *data, uint32_t size); /* take a table of limits */
void rig_arm(void);               /* with the table that was taken last */
void rig_disarm(void);            /* pulses that have begun are completed; then currents are off and electrodes grounded */
void rig_settle(void);            /* forget pulses that have not begun, and complete those that have */
double rig_wait(void);            /* seconds until the electrodes are discharged; 0 where their charge is known */
void rig_forget(void);
answer rig_stimulate(reader *r);
int rig_due(void);                /* whether a pulse waits or is under way */
unsigned rig_run(int64_t until);  /* sample and stimulate up to a sample; the text of what is wrong with the chip, or 0 */
void rig_skip(int64_t until);     /* let time pass unseen */
void rig_ceilings(writer *w);

#endif
