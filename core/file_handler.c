/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "file_handler.h"

#include "octet.h"

bool tux_file_handlers_valid(const struct tux_file_handlers *selection)
{
	if (selection->count > TUX_MAX_FILE_TYPES)
		return false;
	/*@ loop invariant i <= selection->count;
	  @ loop invariant \forall integer k; 0 <= k < i ==> type_good(selection->type[k]);
	  @ loop assigns i;
	  @ loop variant selection->count - i; */
	for (uint32_t i = 0; i < selection->count; i++) {
		const struct tux_file_type *type = &selection->type[i];

		if (type->extension[TUX_MAX_EXTENSION] != 0 || type->selects == TUX_FILE_HANDLER_FILE || type->selects >= TUX_SELECTIONS)
			return false;
	}
	return true;
}

/* True if the len bytes at text are the extension of a type, in any case. */
/*@ requires \valid_read(type) && type_good(*type) && \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @*/
static bool is_extension(const struct tux_file_type *type, const uint8_t *text, uint32_t len)
{
	if (len > TUX_MAX_EXTENSION)
		return false;
	/*@ loop invariant 0 <= i <= len;
	  @ loop assigns i;
	  @ loop variant len - i; */
	for (uint32_t i = 0; i < len; i++)
		if (type->extension[i] == 0 || octet_lower(text[i]) != type->extension[i])
			return false;
	return type->extension[len] == 0;
}

/* Returns the handler that the extension alone selects. */
/*@ requires \valid_read(selection) && file_handlers_readable(*selection) && types_good(*selection);
  @ requires \valid_read(text + (0 .. len - 1));
  @ assigns \nothing;
  @ ensures \result < TUX_SELECTIONS;
  @*/
static uint8_t by_extension(const struct tux_file_handlers *selection, const uint8_t *text, uint32_t len)
{
	/*@ loop invariant i <= selection->count;
	  @ loop assigns i;
	  @ loop variant selection->count - i; */
	for (uint32_t i = 0; i < selection->count; i++)
		if (is_extension(&selection->type[i], text, len))
			return selection->type[i].selects;
	return TUX_FILE_HANDLER_FILE;
}

enum tux_file_handler tux_file_handler_of(const struct tux_file_handlers *selection, const uint8_t *name, uint32_t len, uint32_t mode)
{
	uint8_t selected = TUX_FILE_HANDLER_FILE;
	uint32_t at = len;

	/*@ loop invariant at <= len;
	  @ loop assigns at;
	  @ loop variant at; */
	while (at > 0 && name[at - 1] != '.' && name[at - 1] != '/')
		at--;
	if (at > 0 && at < len && name[at - 1] == '.')
		selected = by_extension(selection, name + at, len - at);
	if (selected == TUX_FILE_HANDLER_FILE && (mode & selection->mode_module) != 0)
		selected = TUX_FILE_HANDLER_MODULE;
	if (selected == TUX_FILE_HANDLER_FILE && (mode & selection->mode_cgi) != 0)
		selected = TUX_FILE_HANDLER_CGI;
	return (enum tux_file_handler)selected;
}
