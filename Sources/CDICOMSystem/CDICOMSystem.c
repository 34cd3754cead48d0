#define _GNU_SOURCE
#include "CDICOMSystem.h"
#include <unistd.h>

int cdicom_syncfs(int descriptor) { return syncfs(descriptor); }
