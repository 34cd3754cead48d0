#ifndef DICOMNODE_CJPEG_H
#define DICOMNODE_CJPEG_H

#endif
