/* LD_PRELOAD shim: whoever binds a socket to "any address" gets the loopback address instead.
 *
 * DCMTK's storescp and Orthanc have no setting for the address they listen on, and a test must not open a port to the
 * network. Built on demand by peer.py: cc -shared -fPIC -O1 -o bindlo.so bindlo.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

typedef int (*bind_function)(int, const struct sockaddr *, socklen_t);

int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    bind_function system_bind = (bind_function)dlsym(RTLD_NEXT, "bind");
    if (system_bind == NULL) {
        errno = ENOSYS;
        return -1;
    }

    union {
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } copy;
    if (address == NULL || length < sizeof(sa_family_t)) {
        return system_bind(descriptor, address, length);
    }
    if (address->sa_family == AF_INET && length >= sizeof copy.v4) {
        memcpy(&copy.v4, address, sizeof copy.v4);
        if (copy.v4.sin_addr.s_addr == htonl(INADDR_ANY)) {
            copy.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            return system_bind(descriptor, (const struct sockaddr *)&copy.v4, sizeof copy.v4);
        }
    }
    if (address->sa_family == AF_INET6 && length >= sizeof copy.v6) {
        memcpy(&copy.v6, address, sizeof copy.v6);
        if (IN6_IS_ADDR_UNSPECIFIED(&copy.v6.sin6_addr)) {
            copy.v6.sin6_addr = in6addr_loopback;
            return system_bind(descriptor, (const struct sockaddr *)&copy.v6, sizeof copy.v6);
        }
    }
    return system_bind(descriptor, address, length);
}
