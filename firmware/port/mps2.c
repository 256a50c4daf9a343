/* The port for Arm's MPS2 boards in QEMU: mps2-an500 (Cortex-M7) and mps2-an386 (Cortex-M4). The line is UART 0, the chip
   answers on UART 1: a word goes out as four bytes, the lowest first, and four bytes come back. */
#include <stddef.h>
#include "../core/board.h"
#include "../core/port.h"
#ifdef TIMED
#include "timed_chip.h"
#endif
#ifdef TIMED_CHIP
#define IN_TIME 1
#else
#define IN_TIME 0
#endif

typedef volatile uint32_t reg;

typedef struct {
    reg data, state, control, interrupt, divider;
} uart;

#define UART0 ((uart *)0x40004000u)
#define UART1 ((uart *)0x40005000u)
#define TIMER ((reg *)0x40000000u)  /* CMSDK timer 0: control, value, reload, interrupt; it ends a sleep */
#define COUNTER ((reg *)0x40001000u) /* timer 1, which runs freely: ticks are lost where QEMU has little of a processor */
#define ENABLE_IRQ ((reg *)0xE000E100u)
#define CPACR ((reg *)0xE000ED88u)
#define CLOCK 25000000u
#define PERIOD 25000u               /* cycles of a tick: a millisecond */
#define RX 2048u

extern uint32_t __data_from[], __data_to[], __data_end[], __bss_start[], __bss_end[], __stack_top[];
static uint8_t memory[PORT_MEMORY] __attribute__((aligned(64), section(".memory")));

/* Above the stack, what no reset erases: QEMU may fill it before the start, and puts 1 behind it where a chip answers on UART 1. */
#define RETAINED ((uint8_t *)0x203FF000u)
#define RETAINED_BYTES 1024u
#define CHIP_ATTACHED (*(reg *)0x203FFFC0u)

port_board mps2_port = {memory, sizeof memory, RETAINED, RETAINED_BYTES, PORT_UID, 0, 0, 1, IN_TIME};
extern const port_board PORT __attribute__((alias("mps2_port")));

static volatile uint32_t rx_head, rx_tail;
static volatile uint8_t rx[RX];

/* --- interrupts ----------------------------------------------------------------------------------- */

static void on_uart(void) {
    UART0->interrupt = 2;
    while (UART0->state & 2) {
        const uint8_t byte = (uint8_t)UART0->data;
        const uint32_t next = (rx_head + 1) % RX;
        if (next != rx_tail) rx[rx_head] = byte, rx_head = next; /* what does not fit is lost, and sent again */
    }
}

static void on_timer(void) { TIMER[3] = 1; }

static void fault(void) {
    *(reg *)0xE000ED0Cu = 0x05FA0004u; /* reset: the board starts again, disarmed, and knows what it stimulated */
    for (;;) {
    }
}

void reset(void);
static void other(void) {}

__attribute__((section(".vectors"), used)) void (*const VECTORS[16 + 32])(void) = {
    (void (*)(void))__stack_top, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, other, other, 0, other, other,
    [16 + 0] = on_uart, [16 + 8] = on_timer};

/* --- the six functions ---------------------------------------------------------------------------- */

uint32_t port_read(uint8_t *to, uint32_t most) {
    uint32_t count = 0;
    while (count < most && rx_tail != rx_head) to[count++] = rx[rx_tail], rx_tail = (rx_tail + 1) % RX;
    return count;
}

uint32_t port_write(const uint8_t *from, uint32_t count) {
    uint32_t done = 0;
    while (done < count && !(UART0->state & 1)) UART0->data = from[done++];
    return done;
}

uint64_t port_microseconds(void) {
    static uint32_t before = 0xFFFFFFFFu;
    static uint64_t cycles;
    const uint32_t value = COUNTER[1];
    cycles += before - value, before = value; /* it counts down, once round in 171 s */
    return cycles / (CLOCK / 1000000);
}

#ifdef TIMED
void port_sleep(void) {} /* while a processor sleeps QEMU's virtual time follows that of the computer, whatever it is busy with */
#else
void port_sleep(void) { __asm volatile("wfi"); }
#endif

#ifndef TIMED_LOOP
void port_watchdog(void) {}
#endif

static void chip_byte(uint8_t byte) {
    while (UART1->state & 1) {
    }
    UART1->data = byte;
}

#ifdef TIMED
void timed_byte(uint8_t byte) { chip_byte(byte); }
#endif

#ifndef TIMED_CHIP
uint32_t port_transfer(uint32_t word) {
    uint32_t answer = 0;
    for (int k = 0; k < 4; k++) chip_byte((uint8_t)(word >> 8 * k));
    for (int k = 0; k < 4; k++) {
        while (!(UART1->state & 2)) {
        }
        answer |= (uint32_t)(UART1->data & 255) << 8 * k;
    }
    return answer;
}
#endif

/* No entropy here: starts are told apart by a counter that no reset erases, and by what the memory held at first. */
uint64_t port_boot(void) {
    uint64_t *kept = (uint64_t *)(void *)(RETAINED + RETAINED_BYTES - 8);
    *kept = (*kept ^ port_microseconds()) * 6364136223846793005u + 1442695040888963407u;
    return *kept;
}

/* --- start ---------------------------------------------------------------------------------------- */

static void begin(void) {
    for (uint32_t *from = __data_from, *to = __data_to; to < __data_end;) *to++ = *from++;
    for (uint32_t *to = __bss_start; to < __bss_end;) *to++ = 0;
    UART0->divider = UART1->divider = 16;
    UART0->control = 1 | 2 | 8;
    UART1->control = 1 | 2;
    TIMER[2] = TIMER[1] = PERIOD - 1;
    TIMER[0] = 1 | 8;
    COUNTER[2] = COUNTER[1] = 0xFFFFFFFFu;
    COUNTER[0] = 1;
    ENABLE_IRQ[0] = 1u << 0 | 1u << 8;
}

__attribute__((used)) void run(void) {
    begin();
    mps2_port.has_chip = CHIP_ATTACHED == 1;
    board_start();
    for (;;) {
        if (!board_turn()) port_sleep();
        if (board_restart_wanted()) board_start();
    }
}

__attribute__((naked)) void reset(void) {
    __asm volatile(
        "ldr r0, =0xE000ED88\n" /* the floating-point unit, before anything may use it */
        "ldr r1, [r0]\n"
        "orr r1, r1, #0xF00000\n"
        "str r1, [r0]\n"
        "dsb\n"
        "isb\n"
        "b run\n");
}
