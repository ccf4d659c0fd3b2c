/* A disk that does not sync, for LD_PRELOAD: fdatasync fails with the errno of SYNC_ERRNO, or takes SYNC_SLEEP_S seconds. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int descriptor)
{
    const char *error = getenv("SYNC_ERRNO"), *slow = getenv("SYNC_SLEEP_S");
    (void)descriptor;
    if (slow)
        sleep((unsigned)atoi(slow));
    if (!error)
        return 0;
    errno = atoi(error);
    return -1;
}
