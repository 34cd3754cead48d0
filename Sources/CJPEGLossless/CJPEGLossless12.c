#include <stdio.h>

#include <gdcm-3.0/gdcmjpeg/12/jpeglib.h>

#include <gdcm-3.0/gdcmjpeg/12/jerror.h>

#include "CJPEGLossless.h"

#define DICOMNODE_LOSSLESS
#define DICOMNODE_DECODE dicomnode_jpeg_decode_12
#include <jpeg_decoding.h>
