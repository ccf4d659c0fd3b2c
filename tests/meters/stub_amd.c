/* A stand-in for AMD's libamd_smi.so, with the functions that our meter calls.
 *
 * Its GPUs draw a known power on the machine's monotonic clock; their counters are the exact integral. Set by environment:
 *
 *   STUB_AMD        the GPUs, comma-separated: "PCI address=watts", or "PCI address=no" for one without a counter
 *   STUB_AMD_STILL  set: counters stand still, as those of ROCm 6.0 did
 *   STUB_AMD_SCALE  counters run so many times too fast
 *   STUB_AMD_INIT   the code that amdsmi_init answers (default 0)
 *   STUB_AMD_NAME   the GPUs' name on the market
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, INVALID = 1, NOT_SUPPORTED = 2, NOT_INIT = 32, MOST = 16 };

struct gpu {
    unsigned domain, bus, device, function;
    double power_w; /* below zero: no counter */
};

static struct gpu gpus[MOST];
static unsigned n_gpus = 0;
static int initialized = 0;

int amdsmi_init(uint64_t flags)
{
    int code = atoi(getenv("STUB_AMD_INIT") ? getenv("STUB_AMD_INIT") : "0");
    if (code || flags != 2)
        return code ? code : INVALID;
    initialized = 1;
    n_gpus = 0;
    const char *next = getenv("STUB_AMD") ? getenv("STUB_AMD") : "";
    while (*next && n_gpus < MOST) {
        struct gpu *gpu = &gpus[n_gpus];
        char power[16] = "";
        if (sscanf(next, "%x:%x:%x.%x=%15[^,]", &gpu->domain, &gpu->bus, &gpu->device, &gpu->function, power) == 5) {
            gpu->power_w = strcmp(power, "no") ? atof(power) : -1;
            n_gpus++;
        }
        next += strcspn(next, ",");
        next += *next == ',';
    }
    return OK;
}

int amdsmi_shut_down(void)
{
    initialized = 0;
    return OK;
}

/* A socket is the first GPU of a bus and device. */
static int is_first(unsigned i)
{
    for (unsigned j = 0; j < i; j++)
        if (gpus[j].domain == gpus[i].domain && gpus[j].bus == gpus[i].bus && gpus[j].device == gpus[i].device)
            return 0;
    return 1;
}

int amdsmi_get_socket_handles(uint32_t *count, void **out)
{
    uint32_t met = 0;
    for (unsigned i = 0; i < n_gpus; i++)
        if (is_first(i)) {
            if (out && met < *count)
                out[met] = &gpus[i];
            met++;
        }
    *count = met;
    return initialized ? OK : NOT_INIT;
}

int amdsmi_get_processor_handles(void *socket, uint32_t *count, void **out)
{
    const struct gpu *first = socket;
    uint32_t met = 0;
    for (unsigned i = 0; i < n_gpus; i++)
        if (gpus[i].domain == first->domain && gpus[i].bus == first->bus && gpus[i].device == first->device) {
            if (out && met < *count)
                out[met] = &gpus[i];
            met++;
        }
    *count = met;
    return initialized ? OK : NOT_INIT;
}

int amdsmi_get_gpu_bdf_id(void *handle, uint64_t *out)
{
    const struct gpu *gpu = handle;
    *out = (uint64_t)gpu->domain << 32 | gpu->bus << 8 | gpu->device << 3 | gpu->function;
    return initialized ? OK : NOT_INIT;
}

int amdsmi_get_energy_count(void *handle, uint64_t *count, float *unit_uj, uint64_t *stamp_ns)
{
    const struct gpu *gpu = handle;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now_s = getenv("STUB_AMD_STILL") ? 1000 : (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    double scale = getenv("STUB_AMD_SCALE") ? atof(getenv("STUB_AMD_SCALE")) : 1;
    if (gpu->power_w < 0)
        return NOT_SUPPORTED;
    *count = (uint64_t)(gpu->power_w * scale * now_s * 65536); /* units of 2^-16 J, called 15.3 uJ */
    *unit_uj = 15.3F;
    *stamp_ns = (uint64_t)(now_s * 1e9);
    return initialized ? OK : NOT_INIT;
}

int amdsmi_get_gpu_asic_info(void *handle, char *out)
{
    (void)handle;
    memset(out, 0, 1100); /* about what it takes in ROCm 7 */
    snprintf(out, 256, "%s", getenv("STUB_AMD_NAME") ? getenv("STUB_AMD_NAME") : "AMD Stub MI000");
    return initialized ? OK : NOT_INIT;
}
