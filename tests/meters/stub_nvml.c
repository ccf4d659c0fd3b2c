/* A stand-in for NVIDIA's libnvidia-ml.so.1, so that the real `pynvml` runs where there is no GPU.
 *
 * Its GPUs draw a known power on the machine's monotonic clock; their counters are the exact integral. Set by environment:
 *
 *   STUB_GPUS        how many GPUs (default 1)
 *   STUB_POWER_W     watts, comma-separated, one a GPU; the last goes for the rest (default 250)
 *   STUB_SQUARE_S    period of a square wave: the power in the first half, a tenth of it in the second (default: constant)
 *   STUB_NAMES       names, comma-separated, the last for the rest (default "NVIDIA Stub 80GB")
 *   STUB_NO_COUNTER  GPUs (a string of digits) without an energy counter
 *   STUB_NO_POWER    GPUs without a power reading
 *   STUB_MIG         GPUs in MIG mode
 *   STUB_LOST        "GPU:from:to": lost in that stretch of seconds since nvmlInit; a new handle is needed afterwards
 *   STUB_GARBAGE     "GPU:from:to": the counter answers 0x7fffffffffffffff in that stretch
 *   STUB_INIT        the code that nvmlInit answers (default 0)
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, GPU_IS_LOST = 15 };
enum { MOST = 16 };

struct gpu {
    int index;
    int stale; /* it was lost since this handle was given out */
};

static struct gpu gpus[MOST];
static int initialized = 0;
static double started_s = 0;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static int count(void)
{
    int n = atoi(setting("STUB_GPUS", "1"));
    return n > MOST ? MOST : n;
}

/* The index-th piece of a comma-separated list, or its last. */
static void piece(const char *list, int index, char *out, size_t size)
{
    const char *next;
    while (index-- > 0 && (next = strchr(list, ',')) != NULL)
        list = next + 1;
    snprintf(out, size, "%.*s", (int)strcspn(list, ","), list);
}

static double power_w(int index)
{
    char text[64];
    piece(setting("STUB_POWER_W", "250"), index, text, sizeof text);
    return atof(text);
}

/* Joules since the clock's origin: the integral of the power. */
static double energy_j(int index, double t_s)
{
    double period_s = atof(setting("STUB_SQUARE_S", "0"));
    double high_w = power_w(index);
    if (period_s <= 0)
        return high_w * t_s;
    double whole = floor(t_s / period_s), rest_s = t_s - whole * period_s, half_s = period_s / 2;
    double partial = rest_s < half_s ? high_w * rest_s : high_w * half_s + 0.1 * high_w * (rest_s - half_s);
    return whole * (high_w * half_s + 0.1 * high_w * half_s) + partial;
}

static double momentary_w(int index, double t_s)
{
    double period_s = atof(setting("STUB_SQUARE_S", "0"));
    if (period_s <= 0 || fmod(t_s, period_s) < period_s / 2)
        return power_w(index);
    return 0.1 * power_w(index);
}

static int listed(const char *name, int index)
{
    return strchr(setting(name, ""), '0' + index) != NULL;
}

static int in_stretch(const char *name, int index)
{
    int which;
    double from_s, to_s, t_s = now_s() - started_s;
    if (sscanf(setting(name, ""), "%d:%lf:%lf", &which, &from_s, &to_s) != 3 || which != index)
        return 0;
    return t_s >= from_s && t_s < to_s;
}

static int usable(struct gpu *gpu)
{
    if (!initialized)
        return UNINITIALIZED;
    if (in_stretch("STUB_LOST", gpu->index))
        gpu->stale = 1;
    return gpu->stale ? GPU_IS_LOST : OK;
}

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    int code = atoi(setting("STUB_INIT", "0"));
    if (code)
        return code;
    initialized++;
    started_s = now_s();
    for (int i = 0; i < MOST; i++)
        gpus[i] = (struct gpu){i, 0};
    return OK;
}

int nvmlShutdown(void)
{
    if (!initialized)
        return UNINITIALIZED;
    initialized--;
    return OK;
}

const char *nvmlErrorString(int code)
{
    return code == GPU_IS_LOST ? "GPU is lost" : "some error";
}

int nvmlDeviceGetCount_v2(unsigned *n)
{
    *n = (unsigned)count();
    return initialized ? OK : UNINITIALIZED;
}

static int handle(unsigned index, struct gpu **out)
{
    if ((int)index >= count())
        return INVALID_ARGUMENT;
    if (in_stretch("STUB_LOST", (int)index))
        return GPU_IS_LOST;
    gpus[index].stale = 0;
    *out = &gpus[index];
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct gpu **out)
{
    return initialized ? handle(index, out) : UNINITIALIZED;
}

static void write_uuid(int index, char *out, unsigned size)
{
    snprintf(out, size, "GPU-%08x-1111-2222-3333-444444444444", 0xa0000000u + (unsigned)index);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, struct gpu **out)
{
    char mine[96];
    for (int i = 0; i < count(); i++) {
        write_uuid(i, mine, sizeof mine);
        if (strcmp(uuid, mine) == 0)
            return handle((unsigned)i, out);
        /* A slice of the GPU; its handle stands for the GPU's, which is enough to find the parent. */
        snprintf(mine, sizeof mine, "MIG-slice-of-%d", i);
        if (listed("STUB_MIG", i) && strcmp(uuid, mine) == 0)
            return handle((unsigned)i, out);
    }
    return NOT_FOUND;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(struct gpu *slice, struct gpu **out)
{
    *out = slice;
    return OK;
}

int nvmlDeviceGetUUID(struct gpu *gpu, char *out, unsigned size)
{
    write_uuid(gpu->index, out, size);
    return usable(gpu);
}

int nvmlDeviceGetName(struct gpu *gpu, char *out, unsigned size)
{
    piece(setting("STUB_NAMES", "NVIDIA Stub 80GB"), gpu->index, out, size);
    return usable(gpu);
}

int nvmlDeviceGetMigMode(struct gpu *gpu, unsigned *current, unsigned *pending)
{
    *current = *pending = (unsigned)listed("STUB_MIG", gpu->index);
    return usable(gpu);
}

int nvmlDeviceGetTotalEnergyConsumption(struct gpu *gpu, unsigned long long *out)
{
    if (listed("STUB_NO_COUNTER", gpu->index))
        return NOT_SUPPORTED;
    *out = in_stretch("STUB_GARBAGE", gpu->index) ? 0x7fffffffffffffffULL
                                                  : (unsigned long long)(1e3 * energy_j(gpu->index, now_s()));
    return usable(gpu);
}

int nvmlDeviceGetPowerUsage(struct gpu *gpu, unsigned *out)
{
    if (listed("STUB_NO_POWER", gpu->index))
        return NOT_SUPPORTED;
    *out = (unsigned)(1e3 * momentary_w(gpu->index, now_s()));
    return usable(gpu);
}
