/* Preloaded into a process: writes down every attempt to reach a network, and lets it go on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void record(const char *call, const char *target) {
    const char *path = getenv("VITRAIL_TEST_ATTEMPTS");
    if (path == NULL) return;
    char line[512];
    int length = snprintf(line, sizeof line, "native %s %s\n", call, target ? target : "");
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file < 0 || write(file, line, (size_t)length) < 0) abort();
    close(file);
}

static int leaves(const struct sockaddr *to) {
    return to != NULL && (to->sa_family == AF_INET || to->sa_family == AF_INET6);
}

int connect(int socket, const struct sockaddr *to, socklen_t length) {
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    if (leaves(to)) record("connect", NULL);
    return next(socket, to, length);
}

ssize_t sendto(int socket, const void *data, size_t size, int flags, const struct sockaddr *to,
               socklen_t length) {
    ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        dlsym(RTLD_NEXT, "sendto");
    if (leaves(to)) record("sendto", NULL);
    return next(socket, data, size, flags, to, length);
}

ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
    ssize_t (*next)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
    if (leaves(message->msg_name)) record("sendmsg", NULL);
    return next(socket, message, flags);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        dlsym(RTLD_NEXT, "getaddrinfo");
    record("getaddrinfo", node);
    return next(node, service, hints, found);
}

struct hostent *gethostbyname(const char *name) {
    struct hostent *(*next)(const char *) = dlsym(RTLD_NEXT, "gethostbyname");
    record("gethostbyname", name);
    return next(name);
}

int gethostbyname_r(const char *name, struct hostent *entry, char *buffer, size_t size,
                    struct hostent **found, int *error) {
    int (*next)(const char *, struct hostent *, char *, size_t, struct hostent **, int *) =
        dlsym(RTLD_NEXT, "gethostbyname_r");
    record("gethostbyname_r", name);
    return next(name, entry, buffer, size, found, error);
}
