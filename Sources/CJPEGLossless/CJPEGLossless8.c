#include <stdio.h>

#include <gdcm-3.0/gdcmjpeg/8/jpeglib.h>

#include <gdcm-3.0/gdcmjpeg/8/jerror.h>

#include "CJPEGLossless.h"

#define DICOMNODE_LOSSLESS
#define DICOMNODE_DECODE dicomnode_jpeg_decode_8
#include <jpeg_decoding.h>
