#define _GNU_SOURCE
#include "CDICOMSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int cdicom_syncfs(int descriptor) { return syncfs(descriptor); }

int cdicom_write_out(int descriptor, int waits) {
    int flags = SYNC_FILE_RANGE_WRITE | (waits ? SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER : 0);
    int result = sync_file_range(descriptor, 0, 0, flags);
    /* A file system that cannot is no error: the fsync that follows says what failed. */
    return result < 0 && (errno == EINVAL || errno == ENOSYS || errno == ESPIPE) ? 0 : result;
}
