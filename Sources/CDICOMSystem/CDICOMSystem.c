#define _GNU_SOURCE
#include "CDICOMSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int cdicom_syncfs(int descriptor) { return syncfs(descriptor); }

int cdicom_write_out(int descriptor, int waits) {
    int flags = SYNC_FILE_RANGE_WRITE | (waits ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER : 0);
    int result = sync_file_range(descriptor, 0, 0, flags);
    /* A file system that cannot is no error: the fsync that follows says what failed. */
    return result < 0 && (errno == EINVAL || errno == ENOSYS || errno == ESPIPE) ? 0 : result;
}

int cdicom_open_unnamed(const char *folder) { return open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600); }

int cdicom_name(int descriptor, const char *path) {
    if (linkat(descriptor, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0) return 0;
    if (errno != ENOENT) return -1;
    /* Before Linux 6.10 this needs a privilege, and the way by /proc does not. */
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}
