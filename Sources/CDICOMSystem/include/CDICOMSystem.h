#ifndef CDICOMSYSTEM_H
#define CDICOMSYSTEM_H

/* Linux system calls that Swift's Glibc module does not show. */

/* Writes everything that waits for the file system of this open file to the disk; 0, or -1 with errno. */
int cdicom_syncfs(int descriptor);

/* Writes this file's bytes to the disk, though not its size and place: fsync does that; 0, or -1 with errno. Without
   waiting it only begins to, and says nothing of what fails later. */
int cdicom_write_out(int descriptor, int waits);

/* Opens a new file without a name for writing, private to the user; -1 where the folder's file system has none such. */
int cdicom_open_unnamed(const char *folder);

/* Gives a file that was opened so its first name; 0, or -1 with errno. A name that is taken is not replaced. */
int cdicom_name(int descriptor, const char *path);

#endif
