/* libpng: PNG images of 8 or 16 bits, grey or RGB. */
#ifndef DICOMNODE_CPNG_H
#define DICOMNODE_CPNG_H

#include <stddef.h>
#include <stdint.h>

/* Writes an image; 16-bit samples are big endian. Returns memory to be freed, or NULL where there is none. */
uint8_t *dicomnode_png_write(uint32_t width, uint32_t height, int channels, int bits, const uint8_t *samples,
                             size_t *length);

#endif
