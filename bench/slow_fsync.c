/* A slow SD card: each fsync and fdatasync takes SLOW_FSYNC_MS (20) longer.
 *
 *     cc -shared -fPIC -O2 -o slow_fsync.so slow_fsync.c -ldl
 *     LD_PRELOAD=./slow_fsync.so lamplight run ...
 *
 * If SLOW_FSYNC_COUNT names a file, one byte is appended to it for each sync, so that syncs can be
 * counted. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void linger(void)
{
    const char *told = getenv("SLOW_FSYNC_MS");
    long ms = told ? atol(told) : 20;
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
    const char *count = getenv("SLOW_FSYNC_COUNT");
    if (count) {
        int file = open(count, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (file >= 0) {
            ssize_t written = write(file, ".", 1);
            (void)written;
            close(file);
        }
    }
    while (nanosleep(&pause, &pause) != 0) { }
}

int fsync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    linger();
    return real(file);
}

int fdatasync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    linger();
    return real(file);
}
