/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Selection: what answers for a file, by the extension of its name and its mode bits, as the historic TUX had it (TUX/CGI, TUX/module,
 * TUX/redirect). What is selected is never sent itself. Whose the file is, which matters too, is for those to look at who act on it.
 */
#ifndef TUX_CORE_SELECTION_H
#define TUX_CORE_SELECTION_H

#include "types.h"

enum {
	TUX_MAX_FILE_TYPES = 64,
	TUX_MAX_EXTENSION = 14, /* bytes */
};

enum tux_selected {
	TUX_SELECTED_FILE,     /* the file itself */
	TUX_SELECTED_REDIRECT, /* another server on this machine */
	TUX_SELECTED_CGI,      /* the file is a program */
	TUX_SELECTED_MODULE,   /* the module of the file's name */
	TUX_SELECTIONS
};

struct tux_file_type {
	uint8_t extension[TUX_MAX_EXTENSION + 1]; /* without its dot, in lower case; behind it zeros, one at least */
	uint8_t selects;                          /* enum tux_selected, but for TUX_SELECTED_FILE */
};

/* All zeros select every file itself. */
struct tux_selection {
	const struct tux_file_type *type;
	uint32_t count;       /* of type */
	uint16_t mode_cgi;    /* a file with one of these mode bits is a program */
	uint16_t mode_module; /* the same, a module */
};

/* For the proof: a selection whose memory can be read. */
/*@ predicate selection_readable{L}(struct tux_selection selection) =
  @   selection.count <= 64 && \valid_read(selection.type + (0 .. selection.count - 1));
  @ predicate type_good{L}(struct tux_file_type type) =
  @   type.extension[14] == 0 && 1 <= type.selects < TUX_SELECTIONS;
  @ predicate types_good{L}(struct tux_selection selection) =
  @   \forall integer i; 0 <= i < selection.count ==> type_good(selection.type[i]);
  @*/

/* Whether a selection that comes from elsewhere may be used: its limits are kept, and its types are such. Any context. */
/*@ requires \valid_read(selection);
  @ requires selection->count <= 64 ==> \valid_read(selection->type + (0 .. selection->count - 1));
  @ assigns \nothing;
  @ ensures \result ==> selection->count <= 64 && types_good(*selection);
  @*/
bool tux_selection_valid(const struct tux_selection *selection);

/* Whether any file is selected at all. Any context. */
/*@ requires \valid_read(selection);
  @ assigns \nothing;
  @ ensures \result <==> selection->count > 0 || selection->mode_cgi != 0 || selection->mode_module != 0;
  @*/
static inline bool tux_selection_any(const struct tux_selection *selection)
{
	return selection->count > 0 || selection->mode_cgi != 0 || selection->mode_module != 0;
}

/*
 * What answers for a regular file: name is its path or the last segment of that, len bytes; mode its mode bits. The extension goes before
 * the bits, those of modules before those of programs. Any context.
 */
/*@ requires \valid_read(selection) && selection_readable(*selection) && types_good(*selection);
  @ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_SELECTIONS;
  @ ensures \result == TUX_SELECTED_FILE ==> (mode & selection->mode_cgi) == 0 && (mode & selection->mode_module) == 0;
  @*/
enum tux_selected tux_select(const struct tux_selection *selection, const uint8_t *name, uint32_t len, uint32_t mode);

#endif
