/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts the program of an object together: the handler first, and then each function that it calls. */
#ifndef TUX_PROGRAM_BPF_LINK_H
#define TUX_PROGRAM_BPF_LINK_H

#include "object.h"

#define BPF_ENTRY "tux_bpf_handle" /* of TUX_MODULE() in include/tux/bpf.h */

/* Fills instructions, references, functions and lines of an object, whose maps are known. Returns false with a sentence in error. */
bool bpf_object_link(struct bpf_object *object, char *error, size_t error_size);

#endif
