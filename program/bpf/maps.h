/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs `tux bpf map`: reads and fills the maps of verified handlers, which it finds in the kernel. Needs root. */
#ifndef TUX_PROGRAM_BPF_MAPS_H
#define TUX_PROGRAM_BPF_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The arguments. NULL: not given. */
struct tux_map_query {
	const char *module, *map;
	const char *key;   /* "-": lines "KEY VALUE" of the standard input */
	const char *value; /* sets the key */
	bool remove;       /* removes the key */
};

/*
 * Lists the maps of all handlers, or of one, or the entries of a map, or one entry; sets or removes one. Writes errors to errors. Returns the exit status.
 */
int tux_bpf_map(const struct tux_map_query *query, FILE *in, FILE *out, FILE *errors);

/*
 * Reads a key or a value of size bytes: 1, 2, 4 or 8 bytes are a number, others are a text, followed by zeros. 0x and two digits per byte: the bytes. Returns
 * false if it does not fit. For unit tests, too.
 */
bool tux_map_parse(const char *text, uint8_t *to, uint32_t size);

/* Writes a key or a value in the form that tux_map_parse() reads. */
void tux_map_print(FILE *out, const uint8_t *octets, uint32_t size);

#endif
