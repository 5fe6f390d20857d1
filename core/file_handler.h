/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Selection: the handler of a file, by the extension of its name and its mode bits, as in the historic TUX (TUX/CGI, TUX/module,
 * TUX/redirect). A selected file is never sent itself. The handler must check the file's owner.
 */
#ifndef TUX_CORE_FILE_HANDLER_H
#define TUX_CORE_FILE_HANDLER_H

#include "types.h"

enum {
	TUX_MAX_FILE_TYPES = 64,
	TUX_MAX_EXTENSION = 14, /* bytes */
};

enum tux_file_handler {
	TUX_FILE_HANDLER_FILE,     /* the file itself */
	TUX_FILE_HANDLER_REDIRECT, /* another server on this machine */
	TUX_FILE_HANDLER_CGI,      /* the file is a program */
	TUX_FILE_HANDLER_MODULE,   /* the module of the file's name */
	TUX_SELECTIONS
};

struct tux_file_type {
	uint8_t extension[TUX_MAX_EXTENSION + 1]; /* without its dot, in lower case, followed by at least one zero */
	uint8_t selects;                          /* enum tux_file_handler, except TUX_FILE_HANDLER_FILE */
};

/* All zeros select TUX_FILE_HANDLER_FILE for every file. */
struct tux_file_handlers {
	const struct tux_file_type *type;
	uint32_t count;       /* number of types */
	uint16_t mode_cgi;    /* a file with one of these mode bits is a program */
	uint16_t mode_module; /* a file with one of these mode bits names a module */
};

/* For the proof: the memory of a selection can be read. */
/*@ predicate file_handlers_readable{L}(struct tux_file_handlers selection) =
  @   selection.count <= 64 && \valid_read(selection.type + (0 .. selection.count - 1));
  @ predicate type_good{L}(struct tux_file_type type) =
  @   type.extension[14] == 0 && 1 <= type.selects < TUX_SELECTIONS;
  @ predicate types_good{L}(struct tux_file_handlers selection) =
  @   \forall integer i; 0 <= i < selection.count ==> type_good(selection.type[i]);
  @*/

/* True if a selection from another program is valid: it keeps the limits, and its types are valid. Any context. */
/*@ requires \valid_read(selection);
  @ requires selection->count <= 64 ==> \valid_read(selection->type + (0 .. selection->count - 1));
  @ assigns \nothing;
  @ ensures \result ==> selection->count <= 64 && types_good(*selection);
  @*/
bool tux_file_handlers_valid(const struct tux_file_handlers *selection);

/* True if the selection can select a file. Any context. */
/*@ requires \valid_read(selection);
  @ assigns \nothing;
  @ ensures \result <==> selection->count > 0 || selection->mode_cgi != 0 || selection->mode_module != 0;
  @*/
static inline bool tux_file_handlers_any(const struct tux_file_handlers *selection)
{
	return selection->count > 0 || selection->mode_cgi != 0 || selection->mode_module != 0;
}

/*
 * Returns the handler of a regular file. name is its path or the path's last segment, len bytes; mode its mode bits. The extension
 * takes precedence over the bits, and the module bits over the program bits. Any context.
 */
/*@ requires \valid_read(selection) && file_handlers_readable(*selection) && types_good(*selection);
  @ requires \valid_read(name + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_SELECTIONS;
  @ ensures \result == TUX_FILE_HANDLER_FILE ==> (mode & selection->mode_cgi) == 0 && (mode & selection->mode_module) == 0;
  @*/
enum tux_file_handler tux_file_handler_of(const struct tux_file_handlers *selection, const uint8_t *name, uint32_t len, uint32_t mode);

#endif
