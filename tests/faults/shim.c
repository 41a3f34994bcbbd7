/* Watches what a process does to the files below one folder, and lets chosen calls go wrong.
 *
 * Preloaded, it does nothing until `faults_arm` is called. Then every call that touches a file below
 * the folder is numbered. Calls that change something are written to a log, with their data, in the
 * order in which they took effect: from it a power cut at any moment can be simulated. One call, or
 * all from one on, can fail with an error; or the process dies there, in the middle of a write too.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, READ = 2, WRITE = 4, TRUNCATE = 8, NAME = 16, SYNC = 32 }; /* kinds of calls */
enum { CREATED = 1, WROTE, TRUNCATED, RENAMED, UNLINKED, MADE, REMOVED, LINKED, SYNCED, MARKED, UNSEEN };
enum { FAIL = 1, KILL, TEAR };
#define HANDLES 4096

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX];
static size_t folder_length;
static int log_handle = -1, kinds, action, code;
static long at, times, calls;
static struct { uint64_t file; int append; } watched[HANDLES];

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static void real_write_all(const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    while (size) {
        ssize_t done = real(log_handle, data, size);
        if (done <= 0) abort();
        data = (const char *)data + done;
        size -= done;
    }
}

/* Begin, or with a NULL folder end, to watch. Kinds: which calls are numbered for `at`. */
void faults_arm(const char *below, const char *log, int chosen, long number, long count, int what,
                int error) {
    pthread_mutex_lock(&guard);
    if (log_handle >= 0) close(log_handle);
    log_handle = -1;
    folder_length = below ? strlen(below) : 0;
    if (below) memcpy(folder, below, folder_length + 1);
    if (below && log && *log) {
        REAL(int, "open", const char *, int, ...);
        log_handle = real(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    }
    kinds = chosen, at = number, times = count, action = what, code = error, calls = 0;
    pthread_mutex_unlock(&guard);
}

/* How many calls of the chosen kinds there have been. */
long faults_calls(void) { return calls; }

static int below(const char *path) {
    return folder_length && !strncmp(path, folder, folder_length) &&
           (path[folder_length] == '/' || !path[folder_length]);
}

/* The absolute path of a call; whether it is below the folder. */
static int absolute(int place, const char *path, char *full) {
    if (!folder_length || !path) return 0;
    if (*path == '/') {
        snprintf(full, PATH_MAX, "%s", path);
    } else {
        char link[64], base[PATH_MAX];
        if (place == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", place);
            ssize_t length = readlink(link, base, sizeof base - 1);
            if (length < 0) return 0;
            base[length] = 0;
        }
        if (snprintf(full, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    return below(full);
}

static void note(int what, uint64_t file, int64_t offset, const void *data, uint64_t size,
                 const char *path, const char *other) {
    if (log_handle < 0) return;
    struct { uint64_t what, file, offset, size, path, other; } head = {
        what, file, offset, size, path ? strlen(path) : 0, other ? strlen(other) : 0};
    real_write_all(&head, sizeof head);
    if (path) real_write_all(path, head.path);
    if (other) real_write_all(other, head.other);
    if (size && data) real_write_all(data, size);
}

/* Tell the log that something was promised. */
void faults_mark(long number) {
    pthread_mutex_lock(&guard);
    note(MARKED, number, 0, NULL, 0, NULL, NULL);
    pthread_mutex_unlock(&guard);
}

/* Number a call: 0 to go on, 1 to fail, 2 to be torn. The guard is held. */
static int numbered(int kind) {
    if (!(kind & kinds)) return 0;
    long number = calls++;
    if (!action || number < at || number - at >= times) return 0;
    if (action == KILL || (action == TEAR && kind != WRITE)) kill(getpid(), SIGKILL);
    if (action == TEAR) return 2;
    errno = code;
    return 1;
}

static uint64_t number_of(int handle) {
    struct stat status;
    return fstat(handle, &status) ? 0 : status.st_ino;
}

static int is_watched(int handle) {
    return folder_length && handle >= 0 && handle < HANDLES && watched[handle].file;
}

static int opened(int place, const char *path, int flags, int mode,
                  int (*real)(int, const char *, int, int)) {
    char full[PATH_MAX];
    if (!absolute(place, path, full)) {
        int handle = real(place, path, flags, mode);
        if (handle >= 0 && handle < HANDLES) watched[handle].file = 0;
        return handle;
    }
    pthread_mutex_lock(&guard);
    if (numbered(OPEN)) {
        pthread_mutex_unlock(&guard);
        return -1;
    }
    struct stat before;
    int there = !stat(full, &before);
    int handle = real(place, path, flags, mode), kept = errno;
    if (handle >= HANDLES) abort();
    if (handle >= 0) {
        watched[handle].file = number_of(handle);
        watched[handle].append = !!(flags & O_APPEND);
        if ((flags & O_CREAT) && !there)
            note(CREATED, watched[handle].file, 0, NULL, 0, full, NULL);
        else if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY && before.st_size)
            note(TRUNCATED, watched[handle].file, 0, NULL, 0, NULL, NULL);
    }
    pthread_mutex_unlock(&guard);
    errno = kept;
    return handle;
}

static int openat_really(int place, const char *path, int flags, int mode) {
    REAL(int, "openat", int, const char *, int, ...);
    return real(place, path, flags, mode);
}

#define OPENED(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0; \
        va_end(list); \
        return opened(AT_FDCWD, path, flags, mode, openat_really); \
    } \
    int name##at(int place, const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0; \
        va_end(list); \
        return opened(place, path, flags, mode, openat_really); \
    }
OPENED(open)
int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;
    va_end(list);
    return opened(AT_FDCWD, path, flags, mode, openat_really);
}
int openat64(int place, const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, int) : 0;
    va_end(list);
    return opened(place, path, flags, mode, openat_really);
}
int creat(const char *path, mode_t mode) {
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode, openat_really);
}

DIR *opendir(const char *path) {
    REAL(DIR *, "opendir", const char *);
    char full[PATH_MAX];
    if (!absolute(AT_FDCWD, path, full)) return real(path);
    pthread_mutex_lock(&guard);
    int fails = numbered(OPEN);
    pthread_mutex_unlock(&guard);
    return fails ? NULL : real(path);
}

int close(int handle) {
    REAL(int, "close", int);
    if (handle >= 0 && handle < HANDLES) watched[handle].file = 0;
    return real(handle);
}

/* One write of any sort: what goes where, and how it is really done. */
static ssize_t written(int handle, const struct iovec *parts, int count, off_t offset, int placed) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
    static ssize_t (*plain)(int, const struct iovec *, int);
    if (!plain) plain = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    if (!is_watched(handle))
        return placed ? real(handle, parts, count, offset) : plain(handle, parts, count);
    pthread_mutex_lock(&guard);
    int verdict = numbered(WRITE);
    if (verdict == 1) {
        pthread_mutex_unlock(&guard);
        return -1;
    }
    struct stat status;
    fstat(handle, &status);
    off_t start = placed ? offset : watched[handle].append ? status.st_size
                                                           : lseek(handle, 0, SEEK_CUR);
    if (verdict == 2) { /* half of it, and then no more */
        struct iovec half = {parts[0].iov_base, (parts[0].iov_len + 1) / 2};
        placed ? real(handle, &half, 1, offset) : plain(handle, &half, 1);
        kill(getpid(), SIGKILL);
    }
    ssize_t done = placed ? real(handle, parts, count, offset) : plain(handle, parts, count);
    int kept = errno;
    off_t place = start;
    for (int i = 0; i < count && place < start + done; i++) {
        size_t size = parts[i].iov_len;
        if ((off_t)size > start + done - place) size = start + done - place;
        note(WROTE, watched[handle].file, place, parts[i].iov_base, size, NULL, NULL);
        place += size;
    }
    pthread_mutex_unlock(&guard);
    errno = kept;
    return done;
}

ssize_t write(int handle, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    struct iovec part = {(void *)data, size};
    return is_watched(handle) ? written(handle, &part, 1, 0, 0) : real(handle, data, size);
}
#define PWRITE(name) \
    ssize_t name(int handle, const void *data, size_t size, off_t offset) { \
        struct iovec part = {(void *)data, size}; \
        return written(handle, &part, 1, offset, 1); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)
ssize_t writev(int handle, const struct iovec *parts, int count) {
    return written(handle, parts, count, 0, 0);
}
#define PWRITEV(name) \
    ssize_t name(int handle, const struct iovec *parts, int count, off_t offset) { \
        return written(handle, parts, count, offset, 1); \
    }
/* pwritev itself is what `written` calls; only its other name can be caught. */
PWRITEV(pwritev64)

/* Copies within the kernel: refused, so that whoever asks writes by himself. */
ssize_t copy_file_range(int from, off_t *start, int to, off_t *offset, size_t size, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off_t *, int, off_t *, size_t, unsigned);
    if (!is_watched(to)) return real(from, start, to, offset, size, flags);
    errno = EXDEV;
    return -1;
}
#define SENDFILE(name) \
    ssize_t name(int to, int from, off_t *offset, size_t size) { \
        REAL(ssize_t, #name, int, int, off_t *, size_t); \
        if (!is_watched(to)) return real(to, from, offset, size); \
        errno = ENOTSOCK; /* on which shutil copies by itself */ \
        return -1; \
    }
SENDFILE(sendfile)
SENDFILE(sendfile64)

#define MMAP(name) \
    void *name(void *place, size_t size, int rights, int flags, int handle, off_t offset) { \
        REAL(void *, #name, void *, size_t, int, int, int, off_t); \
        if (is_watched(handle) && (rights & PROT_WRITE) && (flags & MAP_SHARED)) { \
            pthread_mutex_lock(&guard); \
            note(UNSEEN, watched[handle].file, 0, NULL, 0, NULL, NULL); \
            pthread_mutex_unlock(&guard); \
        } \
        return real(place, size, rights, flags, handle, offset); \
    }
MMAP(mmap)
MMAP(mmap64)

#define READING(name, signature, arguments, ...) \
    ssize_t name signature { \
        REAL(ssize_t, #name, __VA_ARGS__); \
        if (!is_watched(handle)) return real arguments; \
        pthread_mutex_lock(&guard); \
        int fails = numbered(READ); \
        pthread_mutex_unlock(&guard); \
        return fails ? -1 : real arguments; \
    }
READING(read, (int handle, void *data, size_t size), (handle, data, size), int, void *, size_t)
READING(pread, (int handle, void *data, size_t size, off_t offset), (handle, data, size, offset),
        int, void *, size_t, off_t)
READING(pread64, (int handle, void *data, size_t size, off_t offset), (handle, data, size, offset),
        int, void *, size_t, off_t)

#define TRUNCATING(name) \
    int name(int handle, off_t size) { \
        REAL(int, #name, int, off_t); \
        if (!is_watched(handle)) return real(handle, size); \
        pthread_mutex_lock(&guard); \
        int done = numbered(TRUNCATE) ? -1 : real(handle, size), kept = errno; \
        if (!done) note(TRUNCATED, watched[handle].file, size, NULL, 0, NULL, NULL); \
        pthread_mutex_unlock(&guard); \
        errno = kept; \
        return done; \
    }
TRUNCATING(ftruncate)
TRUNCATING(ftruncate64)

static int allocated(int handle, int mode, off_t offset, off_t size, const char *name) {
    static int (*plain)(int, int, off_t, off_t);
    static int (*posix)(int, off_t, off_t);
    if (!plain) plain = (int (*)(int, int, off_t, off_t))dlsym(RTLD_NEXT, "fallocate");
    if (!posix) posix = (int (*)(int, off_t, off_t))dlsym(RTLD_NEXT, "posix_fallocate");
    int is_posix = *name == 'p';
    if (!is_watched(handle))
        return is_posix ? posix(handle, offset, size) : plain(handle, mode, offset, size);
    pthread_mutex_lock(&guard);
    int done = numbered(WRITE);
    if (done) {
        done = is_posix ? code : -1;
    } else {
        done = is_posix ? posix(handle, offset, size) : plain(handle, mode, offset, size);
        struct stat status;
        fstat(handle, &status);
        if (!done) note(TRUNCATED, watched[handle].file, status.st_size, NULL, 0, NULL, NULL);
    }
    pthread_mutex_unlock(&guard);
    return done;
}
int fallocate(int handle, int mode, off_t offset, off_t size) {
    return allocated(handle, mode, offset, size, "fallocate");
}
int fallocate64(int handle, int mode, off_t offset, off_t size) {
    return allocated(handle, mode, offset, size, "fallocate");
}
int posix_fallocate(int handle, off_t offset, off_t size) {
    return allocated(handle, 0, offset, size, "posix_fallocate");
}
int posix_fallocate64(int handle, off_t offset, off_t size) {
    return allocated(handle, 0, offset, size, "posix_fallocate");
}

#define SYNCING(name) \
    int name(int handle) { \
        REAL(int, #name, int); \
        if (!is_watched(handle)) return real(handle); \
        pthread_mutex_lock(&guard); \
        int done = numbered(SYNC) ? -1 : 0, kept = errno; /* the disk itself may take its time */ \
        if (!done) note(SYNCED, watched[handle].file, 0, NULL, 0, NULL, NULL); \
        pthread_mutex_unlock(&guard); \
        errno = kept; \
        return done; \
    }
SYNCING(fsync)
SYNCING(fdatasync)

static int named(int what, const char *full, const char *other, int done) {
    struct stat status;
    int kept = errno;
    uint64_t file = 0;
    if (!done && (what == MADE || what == LINKED) && !stat(what == MADE ? full : other, &status))
        file = status.st_ino;
    if (!done) note(what, file, 0, NULL, 0, full, other);
    pthread_mutex_unlock(&guard);
    errno = kept;
    return done;
}

static int refused(void) {
    pthread_mutex_lock(&guard);
    if (!numbered(NAME)) return 0; /* the guard is kept for `named` */
    pthread_mutex_unlock(&guard);
    return 1;
}

#define TWO_NAMES(name, what, places, from, to, signature, arguments, ...) \
    int name signature { \
        REAL(int, #name, __VA_ARGS__); \
        char full[PATH_MAX], other[PATH_MAX]; \
        int inside = absolute(from, path, full), also = absolute(to, target, other); \
        if (!inside && !also) return real arguments; \
        if (refused()) return -1; \
        return named(what, full, other, real arguments); \
    }
TWO_NAMES(rename, RENAMED, 0, AT_FDCWD, AT_FDCWD, (const char *path, const char *target),
          (path, target), const char *, const char *)
TWO_NAMES(renameat, RENAMED, 0, one, two,
          (int one, const char *path, int two, const char *target), (one, path, two, target), int,
          const char *, int, const char *)
TWO_NAMES(renameat2, RENAMED, 0, one, two,
          (int one, const char *path, int two, const char *target, unsigned flags),
          (one, path, two, target, flags), int, const char *, int, const char *, unsigned)
TWO_NAMES(link, LINKED, 0, AT_FDCWD, AT_FDCWD, (const char *path, const char *target),
          (path, target), const char *, const char *)
TWO_NAMES(linkat, LINKED, 0, one, two,
          (int one, const char *path, int two, const char *target, int flags),
          (one, path, two, target, flags), int, const char *, int, const char *, int)

#define ONE_NAME(name, what, place, signature, arguments, ...) \
    int name signature { \
        REAL(int, #name, __VA_ARGS__); \
        char full[PATH_MAX]; \
        if (!absolute(place, path, full)) return real arguments; \
        if (refused()) return -1; \
        return named(what, full, NULL, real arguments); \
    }
ONE_NAME(unlink, UNLINKED, AT_FDCWD, (const char *path), (path), const char *)
ONE_NAME(remove, UNLINKED, AT_FDCWD, (const char *path), (path), const char *)
ONE_NAME(rmdir, REMOVED, AT_FDCWD, (const char *path), (path), const char *)
ONE_NAME(mkdir, MADE, AT_FDCWD, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
ONE_NAME(mkdirat, MADE, one, (int one, const char *path, mode_t mode), (one, path, mode), int,
         const char *, mode_t)
ONE_NAME(unlinkat, flags & AT_REMOVEDIR ? REMOVED : UNLINKED, one,
         (int one, const char *path, int flags), (one, path, flags), int, const char *, int)
