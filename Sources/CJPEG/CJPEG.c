#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "CJPEG.h"

#define DICOMNODE_DECODE dicomnode_jpeg_decode
#include <jpeg_decoding.h>
