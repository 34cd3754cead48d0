#include <stdio.h>

#include <gdcm-3.0/gdcmjpeg/16/jpeglib.h>

#include <gdcm-3.0/gdcmjpeg/16/jerror.h>

#include "CJPEGLossless.h"

#define DICOMNODE_LOSSLESS
#define DICOMNODE_DECODE dicomnode_jpeg_decode_16
#include <jpeg_decoding.h>
