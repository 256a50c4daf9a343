/* What a port provides: six functions and its memory. A real board needs no more than this. */
#ifndef BIO_PORT_H
#define BIO_PORT_H
#include <stdint.h>

uint32_t port_read(uint8_t *to, uint32_t most);           /* bytes that have come over the line, at once */
uint32_t port_write(const uint8_t *from, uint32_t count); /* how many of these bytes the line takes now */
uint64_t port_microseconds(void);                         /* since the start */
void port_sleep(void);                                    /* until an interrupt, or for a millisecond at most */
void port_watchdog(void);                                 /* the loop is alive: restart the hardware's watchdog */
uint32_t port_transfer(uint32_t word);                    /* exchange one word with the chip */

/* Memory: that of programs and runs, at a multiple of 64; and that which no reset erases. */
typedef struct {
    uint8_t *memory;
    uint32_t bytes;
    uint8_t *retained;
    uint32_t retained_bytes;
    const char *uid;
    uint32_t line_rate; /* bytes a second; 0: not known */
    int has_chip, simulated;
    int in_time; /* whether 20 words of the chip fit into a sample, so that samples keep their time */
} port_board;

extern const port_board PORT;
uint64_t port_boot(void); /* a number that differs between any two starts */

#endif
