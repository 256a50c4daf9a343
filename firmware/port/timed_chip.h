/* What the chip inside an image needs of its port. */
#ifndef BIO_TIMED_CHIP_H
#define BIO_TIMED_CHIP_H
#include <stdint.h>

void timed_byte(uint8_t byte); /* put out on the second line */

#endif
