/* For LD_PRELOAD: the clocks of a program, moved by whoever writes the file that FAULT_CLOCKS names.
 *
 * The file holds three signed 64-bit numbers of nanoseconds, which are added to what the kernel says:
 *
 *   0  to CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_REALTIME: time passes
 *   1  to CLOCK_BOOTTIME and CLOCK_REALTIME besides: the machine was suspended
 *   2  to CLOCK_REALTIME besides: somebody set the clock on the wall
 *
 * In a program that is started with FAULT_CLOCKS_RUN set, a poll() of several ends none of which is ready does not sleep: the
 * first number grows by its timeout instead, so that a day of waiting takes as long as the work between the waits. Who polls one
 * end waits for an answer that takes real time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PASSED, SUSPENDED, SET, NUMBERS };
static const int64_t NS = 1000000000;

static _Atomic int64_t still[NUMBERS];
static _Atomic int64_t *moved = still;
static int runs = 0;
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_clock_nanosleep)(clockid_t, int, const struct timespec *, struct timespec *);
static int (*real_poll)(struct pollfd *, nfds_t, int);

__attribute__((constructor)) static void begin(void)
{
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_clock_nanosleep = dlsym(RTLD_NEXT, "clock_nanosleep");
    real_poll = dlsym(RTLD_NEXT, "poll");
    runs = getenv("FAULT_CLOCKS_RUN") != NULL;
    int file = open(getenv("FAULT_CLOCKS") ? getenv("FAULT_CLOCKS") : "", O_RDWR | O_CLOEXEC);
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof still, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED)
        moved = mapped;
}

static int64_t offset_ns(clockid_t clock)
{
    switch (clock) {
    case CLOCK_MONOTONIC:
        return moved[PASSED];
    case CLOCK_BOOTTIME:
        return moved[PASSED] + moved[SUSPENDED];
    case CLOCK_REALTIME:
        return moved[PASSED] + moved[SUSPENDED] + moved[SET];
    default:
        return 0;
    }
}

static struct timespec later(struct timespec t, int64_t by_ns)
{
    int64_t ns = t.tv_sec * NS + t.tv_nsec + by_ns;
    return (struct timespec){ns / NS, ns % NS};
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int code = real_clock_gettime(clock, t);
    if (code == 0)
        *t = later(*t, offset_ns(clock));
    return code;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    int code = clock_gettime(CLOCK_REALTIME, &now);
    *t = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return code;
}

time_t time(time_t *t)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t)
        *t = now.tv_sec;
    return now.tv_sec;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left)
{
    struct timespec kernels = flags & TIMER_ABSTIME ? later(*until, -offset_ns(clock)) : *until;
    return real_clock_nanosleep(clock, flags, &kernels, left);
}

int poll(struct pollfd *ends, nfds_t count, int timeout_ms)
{
    if (!runs || count < 2 || timeout_ms <= 0)
        return real_poll(ends, count, timeout_ms);
    int ready = real_poll(ends, count, 0);
    if (ready == 0)
        moved[PASSED] += timeout_ms * (NS / 1000);
    return ready;
}
