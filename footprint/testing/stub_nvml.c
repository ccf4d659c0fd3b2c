/* A stand-in for NVIDIA's libnvidia-ml.so.1, so that the real `pynvml` runs where there is no GPU.
 *
 * Its GPUs draw a known power on the machine's monotonic clock; their counters are the exact integral. Set by environment:
 *
 *   STUB_GPUS        how many GPUs (default 1)
 *   STUB_POWER_W     watts, comma-separated, one a GPU; the last goes for the rest (default 250)
 *   STUB_SQUARE_S    period of a square wave: the power in the first part of it, less in the rest (default: constant)
 *   STUB_HIGH_RATIO  length of the first part, as a share of the period (default 0.5)
 *   STUB_LOW_W       watts in the rest (default: a tenth of the power)
 *   STUB_NAMES       names, comma-separated, the last for the rest (default "NVIDIA Stub 80GB")
 *   STUB_NO_COUNTER  GPUs (a string of digits) without an energy counter
 *   STUB_NO_POWER    GPUs without a power reading
 *   STUB_ZERO        GPUs whose counter and power answer zero, as those of some virtual machines do
 *   STUB_MIG         GPUs in MIG mode
 *   STUB_SLICES      their slices, "GPU:parts", comma-separated: compute slices of seven
 *   STUB_SAME_UUID   set: all GPUs have the UUID of the first
 *   STUB_LOST        "GPU:from:to": lost in that stretch of seconds since nvmlInit; a new handle is needed afterwards
 *   STUB_GARBAGE     "GPU:from:to": the counter answers 0x7fffffffffffffff in that stretch
 *   STUB_INIT        the code that nvmlInit answers (default 0), or "hang" or "crash"
 *   STUB_OLD         set: no third version of the lists of processes
 *   STUB_NO_LISTS    GPUs that tell nobody's processes
 *   STUB_FAULTS      a folder; while one of these files is in it:
 *                      hang      a reading does not return
 *                      crash     a reading is a segmentation fault
 *                      lost      all GPUs are lost; their counters begin again at zero, and old handles stay stale
 *                      reloaded  nothing works until NVML is shut down and opened again
 *                      compute, graphics, mps   hold the lists of processes, "GPU:pid", comma-separated
 */
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OK = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    FUNCTION_NOT_FOUND = 13,
    GPU_IS_LOST = 15,
    LIB_RM_VERSION_MISMATCH = 18
};
enum { MOST = 16, WHOLE = 7 };

struct gpu {
    int index;
    int stale; /* it was lost since this handle was given out */
    int slice; /* which slice of the GPU, -1 for all of it */
    int parts;
};

static struct gpu gpus[MOST], slices[MOST];
static int initialized = 0, reloaded = 0;
static double started_s = 0;
static double origin_s[MOST]; /* when a counter began */

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

/* The wave of a GPU: watts in the first part of each period and in the rest, and how long both are; 0 for a constant power. */
struct wave {
    double high_w, low_w, period_s, high_s;
};

static struct wave wave_of(int index)
{
    struct wave wave = {power_w(index), 0.1 * power_w(index), atof(setting("STUB_SQUARE_S", "0")), 0};
    if (getenv("STUB_LOW_W"))
        wave.low_w = atof(getenv("STUB_LOW_W"));
    wave.high_s = wave.period_s * atof(setting("STUB_HIGH_RATIO", "0.5"));
    return wave;
}

/* Joules since the clock's origin: the integral of the power. */
static double energy_j(int index, double t_s)
{
    struct wave wave = wave_of(index);
    if (wave.period_s <= 0)
        return wave.high_w * t_s;
    double whole = floor(t_s / wave.period_s), rest_s = t_s - whole * wave.period_s;
    double high_s = whole * wave.high_s + fmin(rest_s, wave.high_s);
    return high_s * wave.high_w + (t_s - high_s) * wave.low_w;
}

static double momentary_w(int index, double t_s)
{
    struct wave wave = wave_of(index);
    return wave.period_s <= 0 || fmod(t_s, wave.period_s) < wave.high_s ? wave.high_w : wave.low_w;
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

static int fault(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", setting("STUB_FAULTS", "/nowhere"), name);
    return access(path, F_OK) == 0;
}

static int is_lost(int index)
{
    if (fault("lost")) {
        origin_s[index] = now_s();
        return 1;
    }
    return in_stretch("STUB_LOST", index);
}

static int usable(struct gpu *gpu)
{
    if (fault("reloaded"))
        reloaded = 1;
    if (!initialized || reloaded)
        return initialized ? LIB_RM_VERSION_MISMATCH : UNINITIALIZED;
    if (is_lost(gpu->index))
        gpu->stale = 1;
    return gpu->stale ? GPU_IS_LOST : OK;
}

/* What a reading does before it answers. */
static void suffer(void)
{
    while (fault("hang"))
        usleep(5000);
    if (fault("crash"))
        raise(SIGSEGV);
}

int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    const char *how = setting("STUB_INIT", "0");
    while (strcmp(how, "hang") == 0)
        usleep(5000);
    if (strcmp(how, "crash") == 0)
        raise(SIGSEGV);
    if (atoi(how))
        return atoi(how);
    if (fault("reloaded"))
        return LIB_RM_VERSION_MISMATCH;
    initialized++;
    reloaded = 0;
    started_s = now_s();
    for (int i = 0; i < MOST; i++)
        gpus[i] = (struct gpu){i, 0, -1, WHOLE};
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
    if (is_lost((int)index))
        return GPU_IS_LOST;
    gpus[index].stale = 0;
    *out = &gpus[index];
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct gpu **out)
{
    return initialized ? handle(index, out) : UNINITIALIZED;
}

static void write_uuid(const struct gpu *gpu, char *out, unsigned size)
{
    unsigned number = 0xa0000000u + (getenv("STUB_SAME_UUID") ? 0 : (unsigned)gpu->index);
    if (gpu->slice < 0)
        snprintf(out, size, "GPU-%08x-1111-2222-3333-444444444444", number);
    else
        snprintf(out, size, "MIG-%08x-1111-2222-3333-%012x", number, 0xb0u + (unsigned)gpu->slice);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, struct gpu **out)
{
    char mine[96];
    for (int i = 0; i < count(); i++) {
        write_uuid(&gpus[i], mine, sizeof mine);
        if (strcmp(uuid, mine) == 0)
            return reloaded ? LIB_RM_VERSION_MISMATCH : handle((unsigned)i, out);
    }
    return NOT_FOUND;
}

int nvmlDeviceGetMaxMigDeviceCount(struct gpu *gpu, unsigned *out)
{
    *out = WHOLE;
    return usable(gpu);
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct gpu *gpu, unsigned index, struct gpu **out)
{
    char text[64];
    int which, parts, met = 0, at = 0;
    const char *list = setting("STUB_SLICES", "");
    for (const char *next = list; next != NULL && *next; at++) {
        piece(list, at, text, sizeof text);
        if (sscanf(text, "%d:%d", &which, &parts) == 2 && which == gpu->index && met++ == (int)index) {
            slices[at] = (struct gpu){which, 0, met - 1, parts};
            *out = &slices[at];
            return usable(gpu);
        }
        next = strchr(next, ',');
        next = next ? next + 1 : NULL;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(struct gpu *gpu, unsigned *out)
{
    *out = (unsigned)gpu->slice + 1;
    return OK;
}

int nvmlDeviceGetComputeInstanceId(struct gpu *gpu, unsigned *out)
{
    (void)gpu;
    *out = 0;
    return OK;
}

struct attributes {
    unsigned multiprocessors, copies, decoders, encoders, jpegs, ofas, gpu_slices, compute_slices;
    unsigned long long memory_mb;
};

int nvmlDeviceGetAttributes_v2(struct gpu *gpu, struct attributes *out)
{
    memset(out, 0, sizeof *out);
    out->gpu_slices = out->compute_slices = (unsigned)gpu->parts;
    return OK;
}

struct process {
    unsigned pid;
    unsigned long long memory_bytes;
    unsigned gpu_instance, compute_instance;
};

static int list(const char *name, struct gpu *gpu, unsigned *size, struct process *out)
{
    char path[512], text[4096] = "", one[64];
    unsigned met = 0, room = *size;
    int which, pid;
    if (listed("STUB_NO_LISTS", gpu->index))
        return NO_PERMISSION;
    snprintf(path, sizeof path, "%s/%s", setting("STUB_FAULTS", "/nowhere"), name);
    FILE *file = fopen(path, "r");
    if (file) {
        if (!fgets(text, sizeof text, file))
            text[0] = 0;
        fclose(file);
    }
    for (char *next = text; *next;) {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(next, ","), next);
        if (sscanf(one, "%d:%d", &which, &pid) == 2 && which == gpu->index && met++ < room)
            out[met - 1] = (struct process){(unsigned)pid, 1, 0xffffffffu, 0xffffffffu};
        next += strcspn(next, ",");
        next += *next == ',';
    }
    *size = met;
    return met > room ? INSUFFICIENT_SIZE : usable(gpu);
}

int nvmlDeviceGetComputeRunningProcesses_v3(struct gpu *gpu, unsigned *size, struct process *out)
{
    return getenv("STUB_OLD") ? FUNCTION_NOT_FOUND : list("compute", gpu, size, out);
}

int nvmlDeviceGetComputeRunningProcesses_v2(struct gpu *gpu, unsigned *size, struct process *out)
{
    return list("compute", gpu, size, out);
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(struct gpu *gpu, unsigned *size, struct process *out)
{
    return getenv("STUB_OLD") ? FUNCTION_NOT_FOUND : list("graphics", gpu, size, out);
}

int nvmlDeviceGetMPSComputeRunningProcesses_v3(struct gpu *gpu, unsigned *size, struct process *out)
{
    return getenv("STUB_OLD") ? FUNCTION_NOT_FOUND : list("mps", gpu, size, out);
}

int nvmlDeviceGetUUID(struct gpu *gpu, char *out, unsigned size)
{
    write_uuid(gpu, out, size);
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
    suffer();
    if (listed("STUB_NO_COUNTER", gpu->index))
        return NOT_SUPPORTED;
    double grown_j = energy_j(gpu->index, now_s()) - energy_j(gpu->index, origin_s[gpu->index]);
    *out = in_stretch("STUB_GARBAGE", gpu->index) ? 0x7fffffffffffffffULL : (unsigned long long)(1e3 * grown_j);
    if (listed("STUB_ZERO", gpu->index))
        *out = 0;
    return usable(gpu);
}

int nvmlDeviceGetPowerUsage(struct gpu *gpu, unsigned *out)
{
    suffer();
    if (listed("STUB_NO_POWER", gpu->index))
        return NOT_SUPPORTED;
    *out = listed("STUB_ZERO", gpu->index) ? 0 : (unsigned)(1e3 * momentary_w(gpu->index, now_s()));
    return usable(gpu);
}
