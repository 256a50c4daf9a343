/* The board: states, requests, and the loop that keeps the link, runs and stimulation going. */
#ifndef BIO_BOARD_H
#define BIO_BOARD_H
#include <stdint.h>

void board_start(void);
int board_turn(void); /* one turn of the loop; true where there is more to do at once */
int board_restart_wanted(void);
void board_fail(unsigned reason, uint32_t channels, unsigned said); /* stop all, and latch FAULT */

#endif
