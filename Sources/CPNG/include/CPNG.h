#ifndef DICOMNODE_CPNG_H
#define DICOMNODE_CPNG_H

#endif
