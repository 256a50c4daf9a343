/* The port for this computer: the line is a pseudo-terminal or what descriptor 3 is, and the chip what descriptor 4 is. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "../core/board.h"
#include "../core/port.h"

static _Alignas(64) uint8_t memory[1 << 24];
static uint8_t local[1024], *retained = local;
static int line = -1;
int chip = -1;

port_board host_port = {memory, sizeof memory, local, sizeof local, "host", 0, 0, 1, 0};
extern const port_board PORT __attribute__((alias("host_port")));

uint32_t port_read(uint8_t *to, uint32_t most) {
    const ssize_t got = read(line, to, most);
    if (got == 0) exit(0); /* the line was pulled out */
    if (got < 0 && errno != EAGAIN && errno != EIO && errno != EINTR) exit(0);
    return got > 0 ? (uint32_t)got : 0;
}

uint32_t port_write(const uint8_t *from, uint32_t count) {
    const ssize_t put = write(line, from, count);
    return put > 0 ? (uint32_t)put : 0;
}

uint64_t port_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void port_sleep(void) {
    struct pollfd waited = {line, POLLIN, 0};
    poll(&waited, 1, 1);
}

void port_watchdog(void) {}

#ifndef RECORDED_CHIP
uint32_t port_transfer(uint32_t word) {
    uint32_t answer = 0;
    if (chip < 0 || write(chip, &word, 4) != 4) return 0;
    for (ssize_t done = 0; done < 4;) {
        const ssize_t got = read(chip, (uint8_t *)&answer + done, (size_t)(4 - done));
        if (got <= 0) exit(0);
        done += got;
    }
    return answer;
}
#endif

uint64_t port_boot(void) {
    uint64_t boot = 0;
    return getrandom(&boot, sizeof boot, 0) == sizeof boot ? boot : port_microseconds();
}

static void open_terminal(void) {
    struct termios settings;
    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) || unlockpt(line)) exit(3);
    const int other = open(ptsname(line), O_RDWR | O_NOCTTY); /* kept open, so that hosts may come and go */
    if (other < 0 || tcgetattr(other, &settings)) exit(3);
    cfmakeraw(&settings);
    tcsetattr(other, TCSANOW, &settings);
    printf("%s\n", ptsname(line));
    fflush(stdout);
}

/* Words: `--line FD`, `--chip FD`, `--retained FILE`; `--words FILE` where the chip is recorded. */
int main(int count, char **words) {
    for (int k = 1; k + 1 < count; k += 2) {
        if (!strcmp(words[k], "--line")) line = atoi(words[k + 1]);
        if (!strcmp(words[k], "--chip")) chip = atoi(words[k + 1]), host_port.has_chip = 1;
        if (!strcmp(words[k], "--words")) chip = open(words[k + 1], O_WRONLY | O_CREAT, 0600), host_port.has_chip = 1;
        if (!strcmp(words[k], "--retained")) {
            const int file = open(words[k + 1], O_RDWR | O_CREAT, 0600);
            if (file < 0 || ftruncate(file, sizeof local)) return 3;
            retained = mmap(0, sizeof local, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            host_port.retained = retained;
        }
    }
    if (line < 0) open_terminal();
    fcntl(line, F_SETFL, O_NONBLOCK);
    board_start();
    for (;;) {
        if (!board_turn()) port_sleep();
        if (board_restart_wanted()) board_start();
    }
}
