/* A system that refuses files: preloaded, it makes calls on paths that hold REFUSE_PATH fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int refused(const char *path, const char *call) {
    const char *part = getenv("REFUSE_PATH"), *calls = getenv("REFUSE_CALL");
    if (!part || !path || !strstr(path, part) || !calls || strcmp(calls, call)) return 0;
    errno = atoi(getenv("REFUSE_ERRNO"));
    return 1;
}

static int refused_handle(int handle) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return refused(path, "read");
}

#define OPEN(name)                                                                                \
    int name(const char *path, int flags, ...) {                                                  \
        static int (*real)(const char *, int, ...);                                               \
        if (!real) real = dlsym(RTLD_NEXT, #name);                                                \
        va_list list;                                                                             \
        va_start(list, flags);                                                                    \
        int mode = va_arg(list, int);                                                             \
        va_end(list);                                                                             \
        return refused(path, "open") ? -1 : real(path, flags, mode);                              \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                              \
    int name(int folder, const char *path, int flags, ...) {                                      \
        static int (*real)(int, const char *, int, ...);                                          \
        if (!real) real = dlsym(RTLD_NEXT, #name);                                                \
        va_list list;                                                                             \
        va_start(list, flags);                                                                    \
        int mode = va_arg(list, int);                                                             \
        va_end(list);                                                                             \
        return refused(path, "open") ? -1 : real(folder, path, flags, mode);                      \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t read(int handle, void *target, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "read");
    return refused_handle(handle) ? -1 : real(handle, target, size);
}

#define PREAD(name)                                                                               \
    ssize_t name(int handle, void *target, size_t size, off_t offset) {                           \
        static ssize_t (*real)(int, void *, size_t, off_t);                                       \
        if (!real) real = dlsym(RTLD_NEXT, #name);                                                \
        return refused_handle(handle) ? -1 : real(handle, target, size, offset);                  \
    }
PREAD(pread)
PREAD(pread64)

void *opendir(const char *path) {
    static void *(*real)(const char *);
    if (!real) real = dlsym(RTLD_NEXT, "opendir");
    return refused(path, "open") ? NULL : real(path);
}
