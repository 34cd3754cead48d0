/* libjpeg-turbo: JPEG baseline and extended sequential of 8 bits. */
#ifndef DICOMNODE_CJPEG_H
#define DICOMNODE_CJPEG_H

#include <jpeg_result.h>

/* Decodes one frame; returns 0, or 1 with a message. See jpeg_decoding.h. */
int dicomnode_jpeg_decode(const uint8_t *data, size_t length, const struct dicomnode_jpeg_frame *frame, uint8_t *output,
                          struct dicomnode_jpeg_result *result);

#endif
