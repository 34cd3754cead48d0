/* The target has headers only. */
#include "jpeg_result.h"
